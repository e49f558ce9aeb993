// Command helper is what tests run inside of a guest that has no other programs.
package main

import (
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

var verbs = map[string]func(args []string) error{
	"cat":     func([]string) error { _, err := io.Copy(os.Stdout, os.Stdin); return err },
	"discard": func([]string) error { _, err := io.Copy(io.Discard, os.Stdin); return err },
	"both":    func([]string) error { fmt.Println("out"); fmt.Fprintln(os.Stderr, "err"); return nil },
	"args":    func(args []string) error { fmt.Printf("%q\n", args); return nil },
	"env":     func([]string) error { fmt.Println(strings.Join(os.Environ(), "\n")); return nil },
	"pwd":     func([]string) error { dir, err := os.Getwd(); fmt.Println(dir); return err },
	"exit":    exit,
	"id":      identify,
	"tty":     terminal,
	"trap":    trap,
	"tree":    tree,
	"counter": counter,
	"tick":    tick,
	"step":    step,
	"serve":   serve,
	"fetch":   fetch,
	"resolve": func(args []string) error { all, err := net.LookupHost(args[0]); fmt.Println(all); return err },
	"random":  func([]string) error { b := make([]byte, 16); _, err := rand.Read(b); fmt.Printf("%x\n", b); return err },
	"date":    func([]string) error { fmt.Println(time.Now().UnixNano()); return nil },
	"write":   func(args []string) error { return os.WriteFile(args[0], []byte(args[1]), 0o644) },
	"read":    func(args []string) error { b, err := os.ReadFile(args[0]); _, _ = os.Stdout.Write(b); return err },
	"kill": func(args []string) error {
		pid, err := strconv.Atoi(args[0])
		_ = unix.Kill(pid, unix.SIGKILL)
		return err
	},
	"echo": echo,
	"sum":  func(args []string) error { return sum(args[0]) },
}

func main() {
	if len(os.Args) < 2 || verbs[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "helper: unknown verb")
		os.Exit(2)
	}
	if err := verbs[os.Args[1]](os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, "helper:", err)
		os.Exit(1)
	}
}

func exit(args []string) error {
	code, err := strconv.Atoi(args[0])
	if err == nil {
		os.Exit(code)
	}
	return err
}

func identify([]string) error {
	groups, err := os.Getgroups()
	fmt.Println(os.Getuid(), os.Getgid(), groups)
	return err
}

// terminal prints the size of its terminal, and again at each change of it, until
// it reads "end".
func terminal([]string) error {
	changes := make(chan os.Signal, 1)
	signal.Notify(changes, unix.SIGWINCH)
	show := func() {
		size, err := unix.IoctlGetWinsize(0, unix.TIOCGWINSZ)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("size %dx%d\n", size.Row, size.Col)
	}
	show()
	go func() {
		for range changes {
			show()
		}
	}()
	line := make([]byte, 100)
	n, err := os.Stdin.Read(line)
	fmt.Printf("read %q\n", strings.TrimSpace(string(line[:n])))
	return err
}

// trap starts a child that does the same, and both print the signals they get.
func trap(args []string) error {
	name := "parent"
	if len(args) > 0 {
		name = args[0]
	}
	got := make(chan os.Signal, 1)
	signal.Notify(got, unix.SIGUSR1)
	if name == "parent" {
		child := exec.Command("/proc/self/exe", "trap", "child")
		child.Stdout = os.Stdout
		if err := child.Start(); err != nil {
			return err
		}
		defer func() { _ = child.Wait() }()
	}
	fmt.Println(name, "ready")
	<-got
	fmt.Println(name, "got it")
	return nil
}

// tree starts a child in a session of its own, out of the reach of signals to the
// group. The child prints its process id: its parent knows that earlier, before
// /proc has the child's arguments. Both wait for ever.
func tree(args []string) error {
	if len(args) == 0 {
		child := exec.Command("/proc/self/exe", "tree", "leaf")
		child.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		child.Stdout = os.Stdout
		if err := child.Start(); err != nil {
			return err
		}
	} else {
		fmt.Println(os.Getpid())
	}
	for {
		_ = unix.Pause() // which only a signal ends
	}
}

// counter counts in a file that it keeps open, a step for each byte that it reads
// from the pipe FILE.step, and tells the count in the pipe FILE.count.
func counter(args []string) error {
	f, err := os.Create(args[0])
	if err != nil {
		return err
	}
	var pipes [2]*os.File
	for i, name := range []string{args[0] + ".step", args[0] + ".count"} {
		if err := unix.Mkfifo(name, 0o600); err != nil {
			return err
		}
		if pipes[i], err = os.OpenFile(name, os.O_RDWR, 0); err != nil {
			return err
		}
	}
	fmt.Println("counts")
	next := make([]byte, 1)
	for n := 1; ; n++ {
		if _, err := pipes[0].Read(next); err != nil {
			return err
		}
		if _, err := f.WriteAt([]byte(strconv.Itoa(n)), 0); err != nil {
			return err
		}
		if _, err := fmt.Fprintln(pipes[1], n); err != nil {
			return err
		}
	}
}

// tick counts by itself, in a file.
func tick(args []string) error {
	f, err := os.Create(args[0])
	if err != nil {
		return err
	}
	ticks := time.NewTicker(10 * time.Millisecond)
	for n := 1; ; n++ {
		if _, err := f.WriteAt([]byte(strconv.Itoa(n)), 0); err != nil {
			return err
		}
		<-ticks.C
	}
}

// step has a counter count on, and prints how far it is.
func step(args []string) error {
	if err := os.WriteFile(args[0]+".step", []byte("."), 0); err != nil {
		return err
	}
	f, err := os.Open(args[0] + ".count")
	if err != nil {
		return err
	}
	line := make([]byte, 20)
	n, err := f.Read(line)
	_, _ = os.Stdout.Write(line[:n])
	return err
}

// serve echoes on tcp and udp at an address until it is killed.
func serve(args []string) error {
	l, err := net.Listen("tcp", args[0])
	if err != nil {
		return err
	}
	u, err := net.ListenPacket("udp", args[0])
	if err != nil {
		return err
	}
	fmt.Println("serving")
	var wait sync.WaitGroup
	wait.Go(func() {
		buf := make([]byte, 1<<16)
		for {
			n, from, err := u.ReadFrom(buf)
			if err != nil {
				return
			}
			_, _ = u.WriteTo(buf[:n], from)
		}
	})
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		wait.Go(func() {
			_, _ = io.Copy(c, c)
			_ = c.Close()
		})
	}
}

// fetch sends a text to an address and prints what comes back.
func fetch(args []string) error {
	c, err := net.DialTimeout(args[0], args[1], 10*time.Second)
	if err != nil {
		return err
	}
	if _, err := io.WriteString(c, args[2]); err != nil {
		return err
	}
	buf := make([]byte, len(args[2]))
	_, err = io.ReadFull(c, buf)
	fmt.Println(string(buf))
	return err
}

func sum(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	begin := time.Now()
	n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{f}, make([]byte, 1<<20))
	fmt.Println(n, time.Since(begin).Nanoseconds())
	return err
}

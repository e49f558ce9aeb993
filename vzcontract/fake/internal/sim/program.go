package sim

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"syscall"
)

// A program runs to its end and returns its exit code.
type program func(p *Process) int

// programs are the known programs by the base name of their file.
var programs map[string]program

func init() {
	programs = map[string]program{
		"sh": runShell, "ash": runShell,
		"true":  func(*Process) int { return 0 },
		"false": func(*Process) int { return 1 },
		"cat":   runCat, "chmod": runChmod, "chown": runChown, "cp": runCp, "echo": runEcho,
		"env": runEnv, "grep": runGrep, "head": runHead, "hostname": runHostname, "id": runID,
		"kill": runKill, "ln": runLn, "ls": runLs, "mkdir": runMkdir, "mv": runMv, "nc": runNc,
		"printenv": runEnv, "printf": runPrintf, "ps": runPs, "pwd": runPwd,
		"readlink": runReadlink, "rm": runRm, "seq": runSeq, "sleep": runSleep, "stty": runStty,
		"tee": runTee, "test": runTest, "[": runTest, "touch": runTouch, "tty": runTTY,
		"uname": runUname, "wc": runWc, "whoami": runID, "yes": runYes,
	}
}

// Programs returns the names of all programs.
func Programs() []string { return slices.Sorted(maps.Keys(programs)) }

func (p *Process) stdin() File  { return orNull(p.Stdin) }
func (p *Process) stdout() File { return orNull(p.Stdout) }
func (p *Process) stderr() File { return orNull(p.Stderr) }

func orNull(f File) File {
	if f == nil {
		return Null
	}
	return f
}

// print writes to stdout and reports whether the program should go on.
func (p *Process) print(format string, args ...any) bool {
	return p.put([]byte(fmt.Sprintf(format, args...)))
}

func (p *Process) put(b []byte) bool {
	if !p.gate() {
		return false
	}
	var err error
	p.blocked(func() { _, err = p.stdout().Write(p.ctx.Done(), b) })
	if errors.Is(err, syscall.EPIPE) {
		p.Signal(int(syscall.SIGPIPE))
	}
	return err == nil
}

// errorf writes a line to stderr.
func (p *Process) errorf(format string, args ...any) {
	_, _ = p.stderr().Write(p.ctx.Done(), []byte(fmt.Sprintf(format, args...)+"\n")) // nobody to tell
}

// get reads from a file, counting as blocked.
func (p *Process) get(f File, b []byte) (n int, err error) {
	p.blocked(func() { n, err = f.Read(p.ctx.Done(), b) })
	return n, err
}

func readAll(p *Process, f File) ([]byte, error) {
	var all []byte
	buf := make([]byte, pipeSize)
	for {
		n, err := p.get(f, buf)
		all = append(all, buf[:n]...)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return all, err
		}
	}
}

// readLine reads up to a newline, a byte at a time as a shell must.
func readLine(p *Process, f File) (string, error) {
	var line strings.Builder
	b := make([]byte, 1)
	for {
		n, err := p.get(f, b)
		if n == 1 {
			line.WriteByte(b[0])
			if b[0] == '\n' {
				return line.String(), nil
			}
		}
		if err != nil {
			return line.String(), err
		}
	}
}

// copyTo copies f to stdout.
func (p *Process) copyTo(f File) error {
	buf := make([]byte, pipeSize)
	for {
		n, err := p.get(f, buf)
		if n > 0 && !p.put(buf[:n]) {
			return errInterrupted
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

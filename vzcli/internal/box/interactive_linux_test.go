package box

import (
	"os"
	"strings"
	"testing"

	"github.com/creack/pty"
)

// At a terminal lines are edited, and ctrl-C ends the program, not the shell.
func TestInteractive(t *testing.T) {
	bin := install(t)
	prompt := "# "
	if os.Geteuid() != 0 {
		prompt = "$ "
	}
	cmd := command(t, bin, "sh")
	tty, err := pty.Start(cmd)
	if err != nil {
		t.Skipf("requires a pseudo-terminal: %v", err)
	}
	defer tty.Close()
	var seen strings.Builder
	until := func(text string) {
		t.Helper()
		b := make([]byte, 1024)
		for !strings.Contains(seen.String(), text) {
			n, err := tty.Read(b)
			seen.Write(b[:n])
			if err != nil {
				t.Fatalf("%v, after %q; want %q", err, seen.String(), text)
			}
		}
		rest := seen.String()[strings.Index(seen.String(), text)+len(text):]
		seen.Reset()
		seen.WriteString(rest)
	}
	send := func(text string) {
		t.Helper()
		if _, err := tty.WriteString(text); err != nil {
			t.Fatal(err)
		}
	}
	until(prompt)
	send("echo abX\x7fc-$((1+1))\r")
	until("abc-2")
	until(prompt)
	send("echo up; sleep 1000\r")
	until("\nup\r\n")
	send("\x03")
	until(prompt)
	send("echo $?-alive\r")
	until("130-alive")
	until(prompt)
	send("garbage \x03")
	until(prompt)
	send("if true; then\r")
	until("> ")
	send("echo in; fi\r")
	until("\nin\r\n")
	until(prompt)
	send("exit 5\r")
	if err := cmd.Wait(); err == nil || cmd.ProcessState.ExitCode() != 5 {
		t.Errorf("the shell ended with %v", err)
	}
}

package fake

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"vz.internal/vzcontract"
)

// runIn runs a command to its end and returns what it wrote.
func runIn(t *testing.T, b *Backend, cfg vzcontract.RunConfig) (stdout, stderr string, exit vzcontract.ExitStatus) {
	t.Helper()
	ctx := t.Context()
	if cfg.Image == "" {
		cfg.Image = Builtin
	}
	info, err := b.Create(ctx, cfg)
	if err != nil {
		t.Fatalf("create: %v", err)
	}
	var out, errs bytes.Buffer
	a, err := b.Start(ctx, info.ID, vzcontract.StartOptions{Attach: &vzcontract.AttachOptions{Stdio: vzcontract.Stdio{Out: &out, Err: &errs}}})
	if err != nil {
		t.Fatalf("start: %v", err)
	}
	exit, err = a.Wait(ctx)
	if err != nil {
		t.Fatalf("wait: %v", err)
	}
	return out.String(), errs.String(), exit
}

func TestShell(t *testing.T) {
	tests := []struct {
		script, want string
		code         int
	}{
		{script: "echo hi", want: "hi\n"},
		{script: "exit 7", code: 7},
		{script: "false || echo no; true && echo yes", want: "no\nyes\n"},
		{script: `x=3; echo "a $x ${y:-d} $((x+1)) '$x'"`, want: "a 3 d 4 '3'\n"},
		{script: "echo one two | wc -w", want: "2\n"},
		{script: "for i in 1 2 3; do echo $i; done", want: "1\n2\n3\n"},
		{script: "i=0; while [ $i -lt 3 ]; do i=$((i+1)); done; echo $i", want: "3\n"},
		{script: "if test -d /nope; then echo a; elif [ -d /tmp ]; then echo b; else echo c; fi", want: "b\n"},
		{script: "echo x > /tmp/f; echo y >> /tmp/f; cat /tmp/f; cat < /tmp/f | head -n 1", want: "x\ny\nx\n"},
		{script: "(exit 4); echo $?", want: "4\n"},
		{script: "echo $(echo a; echo b)", want: "a b\n"},
		{script: "trap 'echo bye' EXIT; exit 3", want: "bye\n", code: 3},
		{script: "trap 'exit 5' TERM; kill -TERM $$; echo not", code: 5},
		{script: "sleep 100 & kill $!; wait $!; echo $?", want: "143\n"},
		{script: "yes | head -n 2", want: "y\ny\n"},
		{script: "printf '%s-%d\\n' a 1", want: "a-1\n"},
		{script: "set -e; false; echo no", code: 1},
		{script: "nope", code: 127},
		{script: "/etc/passwd", code: 126},
		{script: "if", code: 2},
		{script: "ln -s /etc /tmp/e; cat /tmp/e/../etc/hostname > /dev/null && readlink /tmp/e", want: "/etc\n"},
		{script: "cd /tmp && pwd; echo a b c | { read x y; echo $y; }", want: "/tmp\nb c\n"},
		{script: "exec echo replaced; echo never", want: "replaced\n"},
		{script: "! true; echo $?", want: "1\n"},
	}
	for _, tt := range tests {
		t.Run(tt.script, func(t *testing.T) {
			b := New()
			t.Cleanup(func() { _ = b.Close() })
			out, errs, exit := runIn(t, b, vzcontract.RunConfig{Args: []string{"sh", "-c", tt.script}})
			if out != tt.want || exit.Code != tt.code {
				t.Errorf("sh -c %q = %q, %d (stderr %q), want %q, %d", tt.script, out, exit.Code, errs, tt.want, tt.code)
			}
		})
	}
}

// TestOpenAgain does what several calls of a command-line program do.
func TestOpenAgain(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	again := func() *Backend {
		b, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = b.Close() })
		return b
	}
	b := again()
	if _, _, exit := runIn(t, b, vzcontract.RunConfig{Name: "done", Args: []string{"sh", "-c", "echo kept; exit 3"}}); exit.Code != 3 {
		t.Fatalf("exit code %d, want 3", exit.Code)
	}
	for name, args := range map[string][]string{
		"sleeper": {"sleep", "1000"},
		"trapper": {"sh", "-c", "trap 'exit 9' TERM; echo ready; while true; do sleep 1000; done"},
	} {
		info, err := b.Create(ctx, vzcontract.RunConfig{Name: name, Image: Builtin, Args: args})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.Start(ctx, info.ID, vzcontract.StartOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}

	b = again()
	done, err := b.Inspect(ctx, "done")
	if err != nil || done.State != vzcontract.StateStopped || done.Exit.Code != 3 {
		t.Fatalf("inspect done = %+v, %v", done.State, err)
	}
	var lines []string
	collect := func(e vzcontract.LogEntry) error { lines = append(lines, string(e.Line)); return nil }
	for _, name := range []string{"done", "trapper"} {
		if err := b.Logs(ctx, name, vzcontract.LogOptions{Tail: -1}, collect); err != nil {
			t.Fatal(err)
		}
	}
	if got := strings.Join(lines, ""); got != "kept\nready\n" {
		t.Errorf("logs = %q, want kept and ready", got)
	}
	if err := b.Stop(ctx, "trapper", vzcontract.StopOptions{}); err != nil {
		t.Fatal(err)
	}
	if exit, err := b.Wait(ctx, "trapper", ""); err != nil || exit.Code != 9 {
		t.Errorf("wait trapper = %+v, %v, want the trap's 9", exit, err)
	}
	none := time.Duration(0)
	if err := b.Stop(ctx, "sleeper", vzcontract.StopOptions{Grace: &none}); err != nil {
		t.Fatal(err)
	}
	if exit, err := b.Wait(ctx, "sleeper", ""); err != nil || exit.Code != 137 {
		t.Errorf("wait sleeper = %+v, %v, want 137", exit, err)
	}
	for _, name := range []string{"done", "sleeper", "trapper"} {
		if err := b.Remove(ctx, name, vzcontract.RemoveOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if list, err := again().List(ctx); err != nil || len(list) != 0 {
		t.Errorf("list = %v, %v, want none", list, err)
	}
}

// TestTwoAtOnce stops from one process what another one runs.
func TestTwoAtOnce(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	first, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = first.Close() }()
	second, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = second.Close() }()
	cfg := vzcontract.RunConfig{Name: "a", Image: Builtin, Args: []string{"sh", "-c", "trap 'echo got; exit 6' TERM; while true; do sleep 0.01; done"}}
	if _, err := first.Create(ctx, cfg); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	a, err := first.Start(ctx, "a", vzcontract.StartOptions{Attach: &vzcontract.AttachOptions{Stdio: vzcontract.Stdio{Out: &out}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := second.Create(ctx, cfg); !errors.Is(err, vzcontract.ErrConflict) {
		t.Errorf("create of a name in use by another process = %v, want a conflict", err)
	}
	if err := second.Kill(ctx, "a", "TERM"); err != nil {
		t.Fatal(err)
	}
	if exit, err := a.Wait(ctx); err != nil || exit.Code != 6 || out.String() != "got\n" {
		t.Errorf("wait = %+v, %v, output %q, want 6 and got", exit, err, out.String())
	}
	if exit, err := second.Wait(ctx, "a", ""); err != nil || exit.Code != 6 {
		t.Errorf("wait in the other process = %+v, %v, want 6", exit, err)
	}
}

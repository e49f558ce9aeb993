package conformance

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"vz.internal/vzcontract"
)

var execChecks = []check{
	{name: "exec-exit-codes", run: execExitCodes},
	{name: "exec-missing-program", run: execMissingProgram},
	{name: "exec-invalid", run: execInvalid},
	{name: "exec-stdio", run: execStdio},
	{name: "exec-env-and-dir", run: execEnvAndDir},
	{name: "exec-user", run: execUser},
	{name: "exec-tty", run: execTTY},
	{name: "exec-ids", run: execIDs},
	{name: "exec-signal", run: execSignal},
	{name: "exec-cancel-kills-tree", run: execCancel},
	{name: "exec-timeout-kills-tree", run: execTimeout},
	{name: "exec-context", run: execContext},
	{name: "exec-detached", run: execDetached},
	{name: "exec-ends-with-container", run: execEndsWithContainer},
	{name: "exec-at-once", run: execAtOnce},
}

func sh(line string) vzcontract.ExecConfig {
	return vzcontract.ExecConfig{Args: []string{"sh", "-c", line}}
}

func execExitCodes(e *env) {
	info := e.running()
	for line, want := range map[string]int{"exit 0": 0, "exit 3": 3, "exit 255": 255, "no-such-program": 127, "/etc/passwd": 126} {
		if got := e.exec(info.ID, sh(line)).exit.Code; got != want {
			e.Errorf("exec %q = %d, want %d", line, got, want)
		}
	}
	e.wantState(info.ID, vzcontract.StateRunning)
}

func execMissingProgram(e *env) {
	info := e.running()
	_, err := e.b.Exec(e.ctx, info.ID, vzcontract.ExecConfig{Args: []string{"no-such-program"}})
	e.wantClass("exec of a missing program", err, vzcontract.ErrNoSuchProgram)
	_, err = e.b.Exec(e.ctx, info.ID, vzcontract.ExecConfig{Args: []string{"/etc/passwd"}})
	e.wantClass("exec of what is no program", err, vzcontract.ErrCannotExec)
}

func execInvalid(e *env) {
	info := e.running()
	for name, cfg := range map[string]vzcontract.ExecConfig{
		"no args":     {},
		"user":        {Args: []string{"true"}, User: "nosuchuser"},
		"group":       {Args: []string{"true"}, User: "0:nosuchgroup"},
		"working dir": {Args: []string{"true"}, WorkingDir: "/no/such/dir"},
	} {
		_, err := e.b.Exec(e.ctx, info.ID, cfg)
		e.wantClass("exec with wrong "+name, err, vzcontract.ErrValidation)
	}
	e.wantState(info.ID, vzcontract.StateRunning)
}

func execStdio(e *env) {
	info := e.running()
	cfg := sh("cat; echo err >&2; exit 2")
	cfg.Stdio.In = strings.NewReader("in\n")
	if r := e.exec(info.ID, cfg); r.stdout != "in\n" || r.stderr != "err\n" || r.exit.Code != 2 {
		e.Errorf("exec gave %q, %q, %+v", r.stdout, r.stderr, r.exit)
	}
	big := bytes.Repeat([]byte("0123456789abcdef"), 1<<19) // 8 MiB
	cfg = vzcontract.ExecConfig{Args: []string{"cat"}, Stdio: vzcontract.Stdio{In: bytes.NewReader(big)}}
	if r := e.exec(info.ID, cfg); r.stdout != string(big) {
		e.Errorf("exec cat returned %d of %d bytes", len(r.stdout), len(big))
	}
	if r := e.exec(info.ID, sh("cat; echo end")); r.stdout != "end\n" {
		e.Errorf("exec without stdin gave %q", r.stdout)
	}
}

func execEnvAndDir(e *env) {
	cfg := e.config(untilKilled...)
	cfg.Env, cfg.WorkingDir = []string{"A=container", "B=container"}, "/tmp"
	info := e.start(cfg)
	e.awaitLine(info.ID, "ready")
	ec := sh("echo $A $B $C; pwd")
	ec.Env = []string{"B=exec", "C=exec"}
	if r := e.exec(info.ID, ec); r.stdout != "container exec exec\n/tmp\n" {
		e.Errorf("exec env and dir = %q", r.stdout)
	}
	ec = sh("pwd")
	ec.WorkingDir = "/etc"
	if r := e.exec(info.ID, ec); r.stdout != "/etc\n" {
		e.Errorf("exec working dir = %q, want /etc", r.stdout)
	}
}

func execUser(e *env) {
	info := e.running()
	for user, want := range map[string]string{
		"": "0:0", "app": "1000:1000", "1000": "1000:1000", "app:audio": "1000:29", "12:34": "12:34", "1000:0": "1000:0",
	} {
		ec := sh("echo $(id -u):$(id -g)")
		ec.User = user
		if r := e.exec(info.ID, ec); r.stdout != want+"\n" {
			e.Errorf("exec as %q = %q (stderr %q), want %s", user, r.stdout, r.stderr, want)
		}
	}
	ec := sh("id -G")
	ec.User, ec.Groups = "app", []string{"daemon", "77"}
	if r := e.exec(info.ID, ec); !sameFields(r.stdout, "1000 29 1 77") {
		e.Errorf("exec groups = %q, want 1000 29 1 77 in any order", r.stdout)
	}
}

func sameFields(a, b string) bool {
	count := map[string]int{}
	for f := range strings.FieldsSeq(a) {
		count[f]++
	}
	for f := range strings.FieldsSeq(b) {
		count[f]--
	}
	for _, n := range count {
		if n != 0 {
			return false
		}
	}
	return true
}

func execTTY(e *env) {
	info := e.running()
	in, feed := io.Pipe()
	defer func() { _ = feed.Close() }()
	out := newLocked()
	cfg := sh("test -t 0 && stty size; read a; echo got $a; stty size; exit 6")
	cfg.TTY, cfg.Size = true, vzcontract.TermSize{Rows: 20, Cols: 90}
	cfg.Stdio = vzcontract.Stdio{In: in, Out: out}
	s, err := e.b.Exec(e.ctx, info.ID, cfg)
	if err != nil {
		e.Fatal(err)
	}
	out.until(e, "20 90\r\n")
	if err := s.Resize(e.ctx, vzcontract.TermSize{Rows: 21, Cols: 91}); err != nil {
		e.Errorf("resize: %v", err)
	}
	if _, err := io.WriteString(feed, "x\r"); err != nil {
		e.Fatal(err)
	}
	if exit, err := s.Wait(e.ctx); err != nil || exit.Code != 6 {
		e.Errorf("wait = %+v, %v, want 6", exit, err)
	}
	if !strings.Contains(out.text(), "got x\r\n21 91\r\n") {
		e.Errorf("terminal of the exec gave %q", out.text())
	}
}

func execIDs(e *env) {
	info := e.running()
	seen := map[string]bool{}
	for range 20 {
		s, err := e.b.Exec(e.ctx, info.ID, vzcontract.ExecConfig{Args: []string{"true"}})
		if err != nil {
			e.Fatal(err)
		}
		if s.ID() == "" || seen[s.ID()] {
			e.Fatalf("exec id %q is empty or was used before", s.ID())
		}
		seen[s.ID()] = true
		if _, err := s.Wait(e.ctx); err != nil {
			e.Fatal(err)
		}
	}
}

func execSignal(e *env) {
	info := e.running()
	out := newLocked()
	cfg := sh("trap 'exit 9' USR1; echo up; while :; do sleep 0.05; done")
	cfg.Stdio.Out = out
	s, err := e.b.Exec(e.ctx, info.ID, cfg)
	if err != nil {
		e.Fatal(err)
	}
	out.until(e, "up\n")
	e.wantClass("unknown signal", s.Signal(e.ctx, "NOPE"), vzcontract.ErrValidation)
	if err := s.Signal(e.ctx, "USR1"); err != nil {
		e.Fatal(err)
	}
	if exit, err := s.Wait(e.ctx); err != nil || exit.Code != 9 {
		e.Errorf("exec after USR1 = %+v, %v, want 9", exit, err)
	}
	s, err = e.b.Exec(e.ctx, info.ID, vzcontract.ExecConfig{Args: []string{"sleep", "1000"}})
	if err != nil {
		e.Fatal(err)
	}
	if err := s.Signal(e.ctx, "TERM"); err != nil {
		e.Fatal(err)
	}
	if exit, err := s.Wait(e.ctx); err != nil || exit.Code != 143 {
		e.Errorf("exec after TERM = %+v, %v, want 143", exit, err)
	}
	e.wantState(info.ID, vzcontract.StateRunning)
}

// tree starts children that outlive their parent's death and writes a line to
// a file as long as one of them lives.
const tree = "sh -c 'sleep 1000 & sleep 1000' & sleep 1000 & echo up; wait"

// wantOnlyMain fails unless no process of the tree is left in the container.
func (e *env) wantOnlyMain(id string) {
	e.Helper()
	topper, ok := e.b.(vzcontract.Topper)
	if !ok || e.lacks(vzcontract.FeatureTop) != "" {
		return
	}
	deadline := time.Now().Add(leakPatience)
	for {
		list, err := topper.Top(e.ctx, id)
		if err != nil {
			e.Fatalf("top: %v", err)
		}
		left := slices.DeleteFunc(list, func(p vzcontract.Process) bool {
			return !strings.Contains(strings.Join(p.Args, " "), "sleep 1000")
		})
		if len(left) == 0 {
			return
		}
		if time.Now().After(deadline) {
			e.Fatalf("processes of the exec are left: %+v", left)
		}
		<-time.After(time.Millisecond) // a killed process tells nobody but its parent
	}
}

func execCancel(e *env) {
	info := e.running()
	out := newLocked()
	cfg := sh(tree)
	cfg.Stdio.Out = out
	s, err := e.b.Exec(e.ctx, info.ID, cfg)
	if err != nil {
		e.Fatal(err)
	}
	out.until(e, "up\n")
	if err := s.Cancel(e.ctx); err != nil {
		e.Fatal(err)
	}
	if exit, err := s.Wait(e.ctx); err == nil && exit.Code != 137 {
		e.Errorf("exec after cancel = %+v, want 137", exit)
	}
	e.wantOnlyMain(info.ID)
	e.wantState(info.ID, vzcontract.StateRunning)
}

func execTimeout(e *env) {
	info := e.running()
	cfg := sh(tree)
	cfg.Timeout = 200 * time.Millisecond
	s, err := e.b.Exec(e.ctx, info.ID, cfg)
	if err != nil {
		e.Fatal(err)
	}
	_, err = s.Wait(e.ctx)
	e.wantClass("wait of an exec past its timeout", err, vzcontract.ErrTimeout)
	e.wantOnlyMain(info.ID)
	e.wantState(info.ID, vzcontract.StateRunning)
}

// execContext: the context of Exec does not outlive the call.
func execContext(e *env) {
	info := e.running()
	ctx, cancel := context.WithCancel(e.ctx)
	out := newLocked()
	in, feed := io.Pipe()
	defer func() { _ = feed.Close() }()
	cfg := sh("echo up; read a; exit 4")
	cfg.Stdio = vzcontract.Stdio{In: in, Out: out}
	s, err := e.b.Exec(ctx, info.ID, cfg)
	if err != nil {
		e.Fatal(err)
	}
	cancel()
	out.until(e, "up\n")
	if _, err := io.WriteString(feed, "x\n"); err != nil {
		e.Fatal(err)
	}
	if exit, err := s.Wait(e.ctx); err != nil || exit.Code != 4 {
		e.Errorf("exec after its context ended = %+v, %v, want 4", exit, err)
	}
	if _, err := e.b.Exec(ctx, info.ID, sh("true")); !errors.Is(err, context.Canceled) {
		e.Errorf("exec with a cancelled context = %v, want context.Canceled", err)
	}
}

func execDetached(e *env) {
	info := e.running()
	cfg := sh("echo done > /tmp/mark; exit 3")
	cfg.Detach = true
	s, err := e.b.Exec(e.ctx, info.ID, cfg)
	if err != nil {
		e.Fatal(err)
	}
	if exit, err := s.Wait(e.ctx); err != nil || exit.Code != 3 {
		e.Errorf("detached exec = %+v, %v, want 3", exit, err)
	}
	if r := e.exec(info.ID, sh("cat /tmp/mark")); r.stdout != "done\n" {
		e.Errorf("the detached exec left %q", r.stdout)
	}
}

func execEndsWithContainer(e *env) {
	info := e.running()
	s, err := e.b.Exec(e.ctx, info.ID, vzcontract.ExecConfig{Args: []string{"sleep", "1000"}})
	if err != nil {
		e.Fatal(err)
	}
	e.kill(info.ID)
	if exit, err := s.Wait(e.ctx); err == nil && exit.Code != 137 {
		e.Errorf("exec after its container was killed = %+v, want 137 or an error", exit)
	}
}

func execAtOnce(e *env) {
	info := e.running()
	const many = 10
	errs := make(chan error, many)
	for i := range many {
		go func() {
			var out bytes.Buffer
			cfg := sh("echo " + strings.Repeat("x", i+1))
			cfg.Stdio.Out = &out
			s, err := e.b.Exec(e.ctx, info.ID, cfg)
			if err == nil {
				_, err = s.Wait(e.ctx)
			}
			if err == nil && out.Len() != i+2 {
				err = errors.New("got " + out.String())
			}
			errs <- err
		}()
	}
	for range many {
		if err := <-errs; err != nil {
			e.Errorf("exec at once: %v", err)
		}
	}
}

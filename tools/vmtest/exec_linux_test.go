package vmtest

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"io"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vz.internal/vzcontract"
	"vz.internal/vzlinux"
	"vz.internal/vzlinux/agentproto"
)

// guest boots one machine with the helper for all subtests of a test.
func guest(t *testing.T, arch string) *Guest {
	t.Helper()
	g := Start(t, arch, Config(t, arch))
	g.Install(t, arch)
	return g
}

func helper(args ...string) []string { return append([]string{"/bin/helper"}, args...) }

// run runs the helper and returns what it prints.
func (g *Guest) run(t testing.TB, c vzlinux.Command) (agentproto.ExecStatus, string) {
	t.Helper()
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	ctx, cancel := context.WithTimeout(t.Context(), BootTime)
	defer cancel()
	status, err := g.Agent.Run(ctx, c)
	require.NoError(t, err)
	return status, out.String()
}

func TestExec(t *testing.T) { each(t, testExec) }

func testExec(t *testing.T, arch string) {
	g := guest(t, arch)
	t.Run("streams", func(t *testing.T) { testStreams(t, g) })
	t.Run("argv, environment, directory", func(t *testing.T) { testSurroundings(t, g) })
	t.Run("exit", func(t *testing.T) { testExit(t, g) })
	t.Run("users", func(t *testing.T) { testUsers(t, g) })
	t.Run("terminal", func(t *testing.T) { testTerminal(t, g) })
	t.Run("signal to the group", func(t *testing.T) { testSignal(t, g) })
	t.Run("limit and cancel", func(t *testing.T) { testLimit(t, g) })
	t.Run("100 MB", func(t *testing.T) { testBulk(t, g) })
	t.Run("50 at once", func(t *testing.T) { testConcurrent(t, g) })
	t.Run("connection ends", func(t *testing.T) { testConnectionEnds(t, g) })
	t.Run("agent dies", func(t *testing.T) { testAgentDies(t, g) })
}

func testStreams(t *testing.T, g *Guest) {
	var out, err bytes.Buffer
	status, failure := g.Agent.Run(t.Context(), vzlinux.Command{Args: helper("both"), Stdout: &out, Stderr: &err})
	require.NoError(t, failure)
	require.Zero(t, status)
	require.Equal(t, "out\n", out.String())
	require.Equal(t, "err\n", err.String())
	out.Reset()
	_, failure = g.Agent.Run(t.Context(), vzlinux.Command{Args: helper("cat"), Stdin: strings.NewReader("in"), Stdout: &out})
	require.NoError(t, failure)
	require.Equal(t, "in", out.String())
	// Without streams it runs all the same; stdin is empty.
	status, failure = g.Agent.Run(t.Context(), vzlinux.Command{Args: helper("cat")})
	require.NoError(t, failure)
	require.Zero(t, status.Code)
}

func testSurroundings(t *testing.T, g *Guest) {
	_, out := g.run(t, vzlinux.Command{Args: helper("args", "a b", "", "ü\n")})
	require.Equal(t, `["a b" "" "ü\n"]`+"\n", out)
	_, out = g.run(t, vzlinux.Command{Args: helper("env"), Env: []string{"A=1", "HOME=/x"}})
	require.ElementsMatch(t, []string{"A=1", "HOME=/x", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "USER=root"}, strings.Fields(out))
	_, out = g.run(t, vzlinux.Command{Args: []string{"helper", "pwd"}, Dir: "/proc"})
	require.Equal(t, "/proc\n", out)
}

func testExit(t *testing.T, g *Guest) {
	status, _ := g.run(t, vzlinux.Command{Args: helper("exit", "7")})
	require.Equal(t, agentproto.ExecStatus{Code: 7}, status)
	for _, tt := range []struct {
		args []string
		want error
	}{
		{[]string{"no-such"}, vzcontract.ErrNoSuchProgram},
		{[]string{"/no/such"}, vzcontract.ErrNoSuchProgram},
		{[]string{"/etc/passwd"}, vzcontract.ErrCannotExec},
		{[]string{"/etc"}, vzcontract.ErrCannotExec},
		{nil, vzcontract.ErrValidation},
		{[]string{"a\x00b"}, vzcontract.ErrValidation},
	} {
		_, err := g.Agent.Run(t.Context(), vzlinux.Command{Args: tt.args})
		require.ErrorIs(t, err, tt.want, "%q", tt.args)
	}
}

func testUsers(t *testing.T, g *Guest) {
	write := func(path, text string) {
		require.NoError(t, g.Agent.WriteFile(t.Context(), strings.NewReader(text), agentproto.FileWriteRequest{Path: path, Mode: 0o644}))
	}
	write("/etc/passwd", "root:x:0:0:root:/root:/bin/sh\ndev:x:1000:1001:dev:/home/dev:/bin/sh\n")
	write("/etc/group", "root:x:0:\ndevs:x:1001:\nwheel:x:10:dev\nextra:x:20:\n")
	for _, tt := range []struct {
		user   string
		groups []string
		want   string
	}{
		{"", nil, "0 0 []\n"},
		{"dev", nil, "1000 1001 [10 1001]\n"},
		{"1000", nil, "1000 1001 [10 1001]\n"},
		{"dev:wheel", nil, "1000 10 []\n"},
		{"dev", []string{"extra", "77"}, "1000 1001 [10 20 77 1001]\n"},
		{"4000:5000", nil, "4000 5000 []\n"},
		{"4000", []string{"extra"}, "4000 0 [20]\n"},
	} {
		_, out := g.run(t, vzlinux.Command{Args: helper("id"), User: tt.user, Groups: tt.groups})
		fields := strings.NewReplacer("[", " ", "]", " ").Replace(out)
		want := strings.NewReplacer("[", " ", "]", " ").Replace(tt.want)
		require.ElementsMatch(t, strings.Fields(want), strings.Fields(fields), "user %q groups %q: %s", tt.user, tt.groups, out)
	}
	for _, user := range []string{"nobody-here", "dev:no-group", "-1", "99999999999"} {
		_, err := g.Agent.Run(t.Context(), vzlinux.Command{Args: helper("id"), User: user})
		require.ErrorIs(t, err, vzcontract.ErrNotFound, user)
	}
}

func testTerminal(t *testing.T, g *Guest) {
	input, typed := io.Pipe()
	shown, output := io.Pipe()
	e, err := g.Agent.Start(t.Context(), vzlinux.Command{
		Args: helper("tty"), Stdin: input, Stdout: output, TTY: &agentproto.TermSize{Rows: 10, Cols: 20},
	})
	require.NoError(t, err)
	lines := bufio.NewScanner(shown)
	line := func() string {
		require.True(t, lines.Scan())
		return strings.TrimSpace(lines.Text())
	}
	require.Equal(t, "size 10x20", line())
	require.NoError(t, e.Resize(t.Context(), agentproto.TermSize{Rows: 30, Cols: 40}))
	require.Equal(t, "size 30x40", line())
	_, err = typed.Write([]byte("end\n"))
	require.NoError(t, err)
	require.Equal(t, "end", line(), "the terminal echoes")
	require.Equal(t, `read "end"`, line())
	status, err := e.Wait(t.Context())
	require.NoError(t, err)
	require.Zero(t, status)
	_ = typed.Close()
}

func testSignal(t *testing.T, g *Guest) {
	shown, output := io.Pipe()
	e, err := g.Agent.Start(t.Context(), vzlinux.Command{Args: helper("trap"), Stdout: output})
	require.NoError(t, err)
	lines := bufio.NewScanner(shown)
	seen := map[string]bool{}
	next := func() {
		require.True(t, lines.Scan())
		seen[lines.Text()] = true
	}
	next()
	next()
	require.NoError(t, e.Signal(t.Context(), 10))
	next()
	next()
	require.Equal(t, map[string]bool{"parent ready": true, "child ready": true, "parent got it": true, "child got it": true}, seen)
	status, err := e.Wait(t.Context())
	require.NoError(t, err)
	require.Zero(t, status)
	require.ErrorIs(t, e.Signal(t.Context(), 10), vzcontract.ErrNotFound)
}

// alive tells whether the guest has a process that is not dead and only waits to be
// reaped.
func (g *Guest) alive(t *testing.T, pid string) bool {
	var args bytes.Buffer
	err := g.Agent.ReadFile(t.Context(), &args, agentproto.FileRequest{Path: "/proc/" + pid + "/cmdline"})
	return err == nil && args.Len() > 0
}

func testLimit(t *testing.T, g *Guest) {
	start := func(limit time.Duration) (*vzlinux.Exec, string, *bufio.Scanner) {
		shown, output := io.Pipe()
		e, err := g.Agent.Start(t.Context(), vzlinux.Command{Args: helper("tree"), Stdout: output, Limit: limit})
		require.NoError(t, err)
		lines := bufio.NewScanner(shown)
		require.True(t, lines.Scan())
		return e, lines.Text(), lines
	}
	e, leaf, _ := start(2 * time.Second)
	status, err := e.Wait(t.Context())
	require.NoError(t, err)
	require.Equal(t, agentproto.ExecStatus{Code: 137, Signal: 9, TimedOut: true}, status)
	require.False(t, g.alive(t, leaf), "the whole tree is killed")

	e, leaf, _ = start(0)
	require.True(t, g.alive(t, leaf))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = e.Wait(ctx)
	require.ErrorIs(t, err, context.Canceled)
	require.False(t, g.alive(t, leaf), "the whole tree is killed")
}

func testBulk(t *testing.T, g *Guest) {
	sent := make([]byte, 100<<20)
	_, _ = rand.Read(sent)
	var got bytes.Buffer
	got.Grow(len(sent))
	begin := time.Now()
	status, err := g.Agent.Run(t.Context(), vzlinux.Command{Args: helper("cat"), Stdin: bytes.NewReader(sent), Stdout: &got})
	require.NoError(t, err)
	require.Zero(t, status)
	require.True(t, bytes.Equal(sent, got.Bytes()), "%d bytes came back", got.Len())
	t.Logf("there and back: %.0f MB/s", 100/time.Since(begin).Seconds())
}

func testConcurrent(t *testing.T, g *Guest) {
	var wait sync.WaitGroup
	for i := range 50 {
		wait.Go(func() {
			sent := bytes.Repeat([]byte(strconv.Itoa(i)), 50<<10)
			var got bytes.Buffer
			status, err := g.Agent.Run(t.Context(), vzlinux.Command{Args: helper("cat"), Stdin: bytes.NewReader(sent), Stdout: &got})
			if err != nil || status.Code != 0 || !bytes.Equal(got.Bytes(), sent) {
				t.Errorf("%d: %v, %v, %d bytes", i, status, err, got.Len())
			}
		})
	}
	wait.Wait()
}

func testConnectionEnds(t *testing.T, g *Guest) {
	start := func(detach bool) string {
		shown, output := io.Pipe()
		_, err := g.Agent.Start(t.Context(), vzlinux.Command{Args: helper("tree"), Stdout: output, Detach: detach})
		require.NoError(t, err)
		lines := bufio.NewScanner(shown)
		require.True(t, lines.Scan())
		go func() { _, _ = io.Copy(io.Discard, shown) }()
		return lines.Text()
	}
	ends, stays := start(false), start(true)
	require.NoError(t, g.Agent.Close())
	g.Connect(t) // comes through when the work of the old connection has ended
	require.False(t, g.alive(t, ends))
	require.True(t, g.alive(t, stays))
}

// testAgentDies kills the agent: process 1 starts it anew, the guest lives on.
func testAgentDies(t *testing.T, g *Guest) {
	before, err := g.Agent.Info(t.Context())
	require.NoError(t, err)
	e, err := g.Agent.Start(t.Context(), vzlinux.Command{Args: helper("tree")})
	require.NoError(t, err)
	list, err := g.Agent.List(t.Context(), "/proc")
	require.NoError(t, err)
	killed := false
	for _, f := range list.Entries {
		var name bytes.Buffer
		if g.Agent.ReadFile(t.Context(), &name, agentproto.FileRequest{Path: "/proc/" + f.Name + "/cmdline"}) == nil &&
			strings.HasPrefix(name.String(), "vz-guest-agent\x00--booted") {
			_, err := g.Agent.Run(t.Context(), vzlinux.Command{Args: helper("kill", f.Name)})
			require.Error(t, err)
			killed = true
			break
		}
	}
	require.True(t, killed)
	<-g.Agent.Done()
	_ = e
	g.Connect(t)
	after, err := g.Agent.Info(t.Context())
	require.NoError(t, err)
	require.Equal(t, before.BootID, after.BootID)
	require.Greater(t, after.Uptime, before.Uptime)
}

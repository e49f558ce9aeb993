//go:build linux

package usage

import (
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative/internal/cgroup"
	"vz.internal/vzlinuxnative/internal/testreq"
)

// start runs a program until the test ends, once it has said something.
func start(t *testing.T, attr *syscall.SysProcAttr, argv ...string) int {
	t.Helper()
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.SysProcAttr = attr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = in.Close() // ends it
		_ = cmd.Wait() // in any way
	})
	_, err = out.Read(make([]byte, 100))
	require.NoError(t, err)
	return cmd.Process.Pid
}

const waiting = "echo ready; read line"

func TestTop(t *testing.T) {
	testreq.Root(t)
	before := time.Now().Add(-time.Second)
	other := start(t, nil, "sh", "-c", waiting)
	mine := start(t, &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 61234, Gid: 5}}, "sh", "-c", waiting, "two words", "")
	list, err := Top([]int{other, mine, 1 << 30, mine}, mine)
	require.NoError(t, err)
	require.Len(t, list, 2)
	p := list[0]
	require.Equal(t, []string{"sh", "-c", waiting, "two words", ""}, p.Args)
	require.Equal(t, []any{mine, os.Getpid(), uint32(61234), "61234", "?"}, []any{p.PID, p.PPID, p.UID, p.User, p.TTY})
	require.WithinRange(t, p.Started, before, time.Now().Add(time.Second))
	require.Less(t, p.CPUTime, time.Minute)
	me, err := user.Current()
	require.NoError(t, err)
	require.Equal(t, me.Username, list[1].User)
}

func TestParseStat(t *testing.T) {
	tail := " S 7 1 1 34817 0 0 0 0 0 0 250 50 0 0 20 0 1 18446744073709551615 3000 0 0\n"
	for _, name := range []string{"sh", "a) R 1 (b", "", "\n"} {
		var p vzcontract.Process
		short, err := parseStat("42 ("+name+")"+tail, &p)
		require.NoError(t, err)
		require.Equal(t, name, short)
		require.Equal(t, 7, p.PPID)
		require.Equal(t, "pts/1", p.TTY)
		require.Equal(t, 3*time.Second, p.CPUTime)
	}
	for _, bad := range []string{"", "42 sh S 7", "42 (sh) S 7", "42 )sh( S", "42 (sh) S x 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1"} {
		_, err := parseStat(bad, new(vzcontract.Process))
		require.Error(t, err, bad)
	}
}

func TestTerminal(t *testing.T) {
	for dev, want := range map[int64]string{
		0: "?", 136 << 8: "pts/0", 136<<8 | 5: "pts/5", 137<<8 | 1: "pts/1048577", 136<<8 | 1<<20 | 1: "pts/257",
		4<<8 | 1: "tty1", 4<<8 | 64: "ttyS0", 5<<8 | 1: "5:1",
	} {
		require.Equal(t, want, terminal(dev), fmt.Sprint(dev))
	}
}

func TestNetwork(t *testing.T) {
	testreq.Net(t)
	attr := &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	pid := start(t, attr, "sh", "-c", waiting)
	got, err := Network(pid)
	require.NoError(t, err)
	require.Empty(t, got, "a new namespace has only lo")
	ip := testreq.Program(t, "ip", "ping")[0]
	pid = start(t, attr, "sh", "-c", `set -e
		`+ip+` link add vza type veth peer name vzb
		`+ip+` addr add 192.0.2.1/24 dev vza
		`+ip+` link set vza up; `+ip+` link set vzb up
		ping -c 1 -W 1 192.0.2.9 > /dev/null 2>&1 || true
		`+waiting)
	got, err = Network(pid)
	require.NoError(t, err)
	require.Len(t, got, 2)
	for _, n := range got {
		require.Contains(t, []string{"vza", "vzb"}, n.Interface)
		require.NotZero(t, n.TxPackets+n.RxPackets)
		require.NotZero(t, n.TxBytes+n.RxBytes)
	}
	_, err = Network(1 << 30)
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestStatsOfNothing(t *testing.T) {
	testreq.Root(t)
	g, err := cgroup.At(fmt.Sprintf("/vz/usage-test-%d", os.Getpid()))
	require.NoError(t, err)
	_, err = Stats(g, os.Getpid())
	require.ErrorIs(t, err, vzcontract.ErrNotFound)
}

package vmtest

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"vz.internal/tools/internal/guestbundle"
	"vz.internal/tools/internal/workspace"
	"vz.internal/vzcore"
	"vz.internal/vzcore/config"
	"vz.internal/vzcore/qemu"
	"vz.internal/vzlinux"
	"vz.internal/vzlinux/agentproto"
)

// BootTime is how long a guest may take on a busy machine.
const BootTime = 2 * time.Minute

// A Guest is a machine that runs, with its agent.
type Guest struct {
	*vzcore.VM
	Agent *vzlinux.Agent
	Log   string // file with what the guest has printed
}

// need skips the test, or fails it if VZ_REQUIRE lists qemu.
func need(t testing.TB, why string) {
	t.Helper()
	for name := range strings.SplitSeq(os.Getenv("VZ_REQUIRE"), ",") {
		if strings.TrimSpace(name) == "qemu" {
			t.Fatalf("VZ_REQUIRE lists qemu, but %s", why)
		}
	}
	t.Skipf("needs qemu: %s", why)
}

// Driver returns a driver for guests of arch that does not use KVM, so that every
// machine tests the same.
func Driver(t testing.TB, arch string) *qemu.Driver {
	t.Helper()
	d, err := qemu.New(qemu.Options{Arch: arch, Accelerator: qemu.TCG})
	if err != nil {
		need(t, err.Error())
	}
	return d
}

type bundle struct {
	once sync.Once
	dir  string
	why  string // it is missing
	err  error
}

// A flavour is a kind of bundle: light ones have an agent that runs no containers.
type flavour struct {
	arch  string
	light bool
}

// temp is where bundles are made, whatever a test has its own files made in.
var temp = os.TempDir()

var bundles = map[flavour]*bundle{{"x86_64", false}: {}, {"x86_64", true}: {}, {"arm64", false}: {}, {"arm64", true}: {}}

// goarch is what Go calls the guests' architectures.
var goarch = map[string]string{"x86_64": "amd64", "arm64": "arm64"}

// Bundle returns a bundle for arch with the agent of the work tree, made once per
// test program.
func Bundle(t testing.TB, arch string) *vzlinux.Bundle {
	t.Helper()
	return flavour{arch: arch}.bundle(t)
}

func (f flavour) bundle(t testing.TB) *vzlinux.Bundle {
	t.Helper()
	b := bundles[f]
	b.once.Do(func() { b.make(f) })
	if b.why != "" {
		need(t, b.why)
	}
	require.NoError(t, b.err)
	opened, err := vzlinux.OpenBundle(b.dir, f.arch, agentproto.CapabilityInit)
	require.NoError(t, err)
	return opened
}

func (b *bundle) make(f flavour) {
	root, err := workspace.Find(".")
	if err != nil {
		b.err = err
		return
	}
	out, err := exec.Command(filepath.Join(root, "kernel", "kernel.sh"), "where", f.arch).CombinedOutput()
	kernel := strings.TrimSpace(string(out))
	if err != nil {
		b.why = kernel
		return
	}
	if _, err := os.Stat(filepath.Join(kernel, vzlinux.VersionFile)); err != nil {
		b.why = "the kernel bundle is missing: make -C kernel build ARCH=" + f.arch
		return
	}
	if b.dir, b.err = os.MkdirTemp(temp, "vmtest-"); b.err == nil {
		b.err = guestbundle.Build(context.Background(), guestbundle.Spec{Root: root, Kernel: kernel, Dir: b.dir, Light: f.light})
	}
}

// Main runs the tests of a package and removes what Bundle has made.
func Main(m *testing.M) {
	code := m.Run()
	for _, b := range bundles {
		if b.dir != "" {
			_ = os.RemoveAll(b.dir)
		}
	}
	os.Exit(code)
}

// Config returns a small machine of arch.
func Config(t testing.TB, arch string) config.Config {
	t.Helper()
	b := Bundle(t, arch)
	c := config.Default()
	c.CPUs, c.Memory = 2, 512*config.MiB
	c.Boot.Kernel, c.Boot.Initramfs, c.Boot.HZ = b.Kernel(), b.Initramfs(), b.Version.HZ
	c.Network.Kind = config.NetworkNone
	c.Console.Log = filepath.Join(t.TempDir(), "console.log")
	return c
}

// New returns a machine of cfg that is closed with the test, which shows what the
// guest printed if it failed.
func New(t testing.TB, arch string, cfg config.Config) *Guest {
	t.Helper()
	return NewWith(t, Driver(t, arch), cfg)
}

// NewWith is New with a driver of the caller's.
func NewWith(t testing.TB, driver vzcore.Driver, cfg config.Config) *Guest {
	t.Helper()
	vm, err := vzcore.New(driver, cfg, t.TempDir())
	require.NoError(t, err)
	g := &Guest{VM: vm, Log: cfg.Console.Log}
	t.Cleanup(func() {
		if g.Agent != nil {
			_ = g.Agent.Close()
		}
		_ = vm.Close()
		if text, err := os.ReadFile(g.Log); err == nil && t.Failed() {
			t.Logf("the guest printed:\n%s", text)
		}
	})
	return g
}

// Start boots a machine of cfg and connects with its agent.
func Start(t testing.TB, arch string, cfg config.Config) *Guest {
	t.Helper()
	g := New(t, arch, cfg)
	ctx, cancel := context.WithTimeout(t.Context(), BootTime)
	defer cancel()
	require.NoError(t, g.VM.Start(ctx))
	g.Connect(t)
	return g
}

// Connect connects with the guest's agent.
func (g *Guest) Connect(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), BootTime)
	defer cancel()
	require.NoError(t, g.connect(ctx))
}

func (g *Guest) connect(ctx context.Context) error {
	agent, err := vzlinux.Await(ctx, func(ctx context.Context, port uint32) (agentproto.Conn, error) {
		return g.Dial(ctx, port)
	}, g.Listen)
	if err != nil {
		return err
	}
	g.Agent = agent
	g.SetEject(func(ctx context.Context, slot int) error {
		return agent.Call(ctx, agentproto.MethodEject, agentproto.EjectRequest{Slot: slot}, nil)
	})
	return nil
}

// buildHelper builds the helper program for guests of arch.
func buildHelper(t testing.TB, arch string) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "helper")
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", program, "./helper")
	cmd.Env = append(os.Environ(), "GOOS=linux", "CGO_ENABLED=0", "GOARCH="+goarch[arch])
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	return program
}

// Install builds the helper program of this package and puts it into the guest at
// /bin/helper.
func (g *Guest) Install(t testing.TB, arch string) {
	t.Helper()
	f, err := os.Open(buildHelper(t, arch))
	require.NoError(t, err)
	defer f.Close()
	require.NoError(t, g.Agent.Mkdir(t.Context(), agentproto.MkdirRequest{Path: "/bin", Mode: 0o755, Parents: true}))
	require.NoError(t, g.Agent.WriteFile(t.Context(), f, agentproto.FileWriteRequest{Path: "/bin/helper", Mode: 0o755}))
}

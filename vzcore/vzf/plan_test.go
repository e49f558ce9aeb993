package vzf

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"vz.internal/vzcontract"
	"vz.internal/vzcore/config"
)

func TestPlan(t *testing.T) {
	c := config.Default()
	c.Boot.Kernel, c.Boot.Initramfs, c.Boot.CommandLine = "/k", "/i", "a=b"
	c.Network.MAC, c.Network.User.MTU = "02:00:00:00:00:01", 9000
	c.Disks = []config.Disk{{ID: "a", Path: "/a", ReadOnly: true}, {ID: "b", Path: "/b", Sync: config.SyncNone}}
	c.Shares = []config.Share{
		{Tag: "one", Source: "/one", ReadOnly: true},
		{Tag: "many", Growing: true, Entries: []config.Entry{{Name: "x", Source: "/x", ReadOnly: true}, {Name: "y", Source: "/y"}}},
		{Tag: "none", Growing: true},
	}
	p, err := newPlan(c)
	require.NoError(t, err)
	require.Equal(t, boot{kind: "linux", kernel: "/k", initramfs: "/i", line: "console=hvc0 panic=-1 quiet a=b"}, p.boot)
	require.Equal(t, []disk{{"a", "/a", true, config.SyncFlush}, {"b", "/b", false, config.SyncNone}}, p.disks)
	require.Equal(t, []tree{
		{tag: "one", dirs: []dir{{path: "/one", readOnly: true}}},
		{tag: "many", several: true, dirs: []dir{{"x", "/x", true}, {"y", "/y", false}}},
		{tag: "none", several: true},
	}, p.shares)
	require.Equal(t, "02:00:00:00:00:01", p.mac.String())
	require.Equal(t, 9000, p.mtu)
	require.True(t, p.balloon)

	c.Network.User.MTU = 1400 // the framework takes none below its own
	p, err = newPlan(c)
	require.NoError(t, err)
	require.Zero(t, p.mtu)
}

func TestRefuse(t *testing.T) {
	macOS := func(c *config.Config) {
		c.Boot.Kind = config.BootMacOS
		c.Disks = []config.Disk{{ID: "root", Path: "/disk"}}
	}
	tests := []struct {
		name   string
		change func(*config.Config)
		want   string
	}{
		{"cards", func(c *config.Config) { c.Network = config.Network{Kind: config.NetworkCards} }, "no tap devices"},
		{"a context id", func(c *config.Config) { c.Vsock.CID = 7 }, "context id 7"},
		{"Rosetta", func(c *config.Config) { c.Rosetta = true }, "Rosetta"},
		{"a display", func(c *config.Config) { c.Display = &config.Display{Width: 1, Height: 1} }, "nothing shows them"},
		{"nesting macOS", func(c *config.Config) { macOS(c); c.Nested = true }, "within macOS guests"},
		{"macOS without a disk", func(c *config.Config) { macOS(c); c.Disks = nil }, "install one first"},
		{"the usual", func(*config.Config) {}, ""},
		{"macOS with a display", func(c *config.Config) { macOS(c); c.Display = &config.Display{Width: 1, Height: 1} }, ""},
		{"the context id that all have", func(c *config.Config) { c.Vsock.CID = 3 }, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := config.Default()
			tt.change(&c)
			err := refuse(c)
			if tt.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, vzcontract.ErrUnsupported)
			require.ErrorContains(t, err, tt.want)
		})
	}
}

func TestNested(t *testing.T) {
	for _, tt := range []struct {
		release int
		nests   bool
		want    string
	}{{14, true, "macOS 15"}, {15, false, "M3"}, {15, true, ""}} {
		d, err := newDriver(&fakeFramework{major: tt.release, nests: tt.nests})
		require.NoError(t, err)
		c := linux(t)
		c.Nested = true
		_, err = d.Open(c, t.TempDir())
		if tt.want == "" {
			require.NoError(t, err)
			continue
		}
		require.ErrorIs(t, err, vzcontract.ErrUnsupported)
		require.ErrorContains(t, err, tt.want)
	}
}

func TestOldSystemsAreRefused(t *testing.T) {
	_, err := newDriver(&fakeFramework{major: 13})
	require.ErrorIs(t, err, vzcontract.ErrUnsupported)
	require.ErrorContains(t, err, "macOS 14 or newer")
}

// TestLibraryHasTheField: the half-close of connections depends on a field of the
// library that it keeps to itself.
func TestLibraryHasTheField(t *testing.T) {
	out, err := exec.Command("go", "mod", "download", "-json", "github.com/Code-Hex/vz/v3").Output()
	if err != nil {
		t.Skipf("needs the go command and the module: %v", err)
	}
	var module struct{ Dir string }
	require.NoError(t, json.Unmarshal(out, &module))
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(module.Dir, "socket.go"), nil, 0)
	require.NoError(t, err)
	found := false
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok || spec.Name.Name != "VirtioSocketConnection" {
			return true
		}
		for _, f := range spec.Type.(*ast.StructType).Fields.List {
			typ, ok := f.Type.(*ast.SelectorExpr)
			found = found || ok && len(f.Names) == 1 && f.Names[0].Name == rawField && typ.Sel.Name == "Conn" && typ.X.(*ast.Ident).Name == "net"
		}
		return false
	})
	require.True(t, found, "VirtioSocketConnection has no field %s net.Conn", rawField)
}

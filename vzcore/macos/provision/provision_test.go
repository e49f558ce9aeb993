package provision

import (
	"bytes"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"howett.net/plist"

	"vz.internal/vzcontract"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// program makes the smallest Mach-O file of a type for a processor.
func program(cpu, kind uint32) []byte {
	var b bytes.Buffer
	for _, field := range []uint32{0xfeedfacf, cpu, 0, kind, 0, 0, 0, 0} {
		b.Write([]byte{byte(field), byte(field >> 8), byte(field >> 16), byte(field >> 24)})
	}
	return b.Bytes()
}

var arm64Program = program(0x0100000c, 2)

func options() Options {
	return Options{
		Password: "correct-horse-battery-staple", UUID: UUID([]byte("machine"), DefaultUser), Agent: arm64Program,
		Version: "15.6.1", Build: "24G90", Salt: bytes.Repeat([]byte{1}, saltSize),
	}
}

// TestGolden compares all that is written with what was looked through; property lists
// are shown as XML.
func TestGolden(t *testing.T) {
	tree, err := Files(options())
	require.NoError(t, err)
	var b strings.Builder
	for _, e := range tree {
		kind := ""
		if e.Dir() {
			kind = "/"
		}
		if e.Needed {
			kind += " (must be there)"
		}
		fmt.Fprintf(&b, "== %04o %d:%d %s%s\n", e.Mode.Perm(), e.UID, e.GID, e.Path, kind)
		switch {
		case strings.HasSuffix(e.Path, ".plist"):
			b.WriteString(xml(t, e.Content))
		case strings.HasSuffix(e.Path, "vz-guest-agent"):
			fmt.Fprintf(&b, "%d bytes\n", len(e.Content))
		case strings.HasSuffix(e.Path, "kcpassword"):
			b.WriteString(hex.Dump(e.Content))
		default:
			b.Write(e.Content)
		}
	}
	path := filepath.Join("testdata", "files.golden")
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(path, []byte(b.String()), 0o600))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), b.String(), "go test -update writes it anew")
}

func xml(t *testing.T, data []byte) string {
	t.Helper()
	var v any
	require.NoError(t, decode(data, &v))
	out, err := plist.MarshalIndent(v, plist.XMLFormat, "  ")
	require.NoError(t, err)
	return string(out) + "\n"
}

// TestKCPassword: the expected bytes are those of the tests of microsoft/macos-cookbook
// (spec/unit/libraries/macos_user_spec.rb), which fill up to 11 bytes in place of 12.
func TestKCPassword(t *testing.T) {
	for password, want := range map[string]string{
		"password":                     "\r\xE8!P\xA5\xD3\xAF\x8E\xA3\xB9\x1F",
		"correct-horse-battery-staple": "\x1E\xE6 Q\xB7\xDF\xA9\xC7\xCB\xD6m\x0E\xEC\x7FA\xB3\xC8\xA9\x8F\xD1\xC02\x0E\xFD3S\xBE\xD9\xDD\xEA\xA3\xB9\x1F",
	} {
		require.Equal(t, want, string(KCPassword(password))[:len(want)])
	}
	require.Len(t, KCPassword("eleven char"), 12)
	require.Len(t, KCPassword("twelve chars"), 24, "a zero byte is always behind it")
}

func FuzzKCPassword(f *testing.F) {
	for _, s := range []string{"", "a", "eleven char", "twelve chars", "ünïcödé", strings.Repeat("x", 100)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, password string) {
		if strings.Contains(password, "\x00") {
			return
		}
		data := KCPassword(password)
		require.Zero(t, len(data)%kcBlock)
		require.Greater(t, len(data), len(password))
		require.Equal(t, password, DecodeKCPassword(data))
	})
}

// TestHashPassword: the expected hash is hashcat's example of mode 7100, macOS 10.8 and
// later, of the password "hashcat" (hashcat.net/wiki, example_hashes).
func TestHashPassword(t *testing.T) {
	const example = "$ml$35460$93a94bd24b5de64d79a5e49fa372827e739f4d7b6975c752c9a0ff1e5cf72e05$" +
		"752351df64dd2ce9dc9c64a72ad91de6581a15c19176266b44d98919dfa81f0f96cbcb20a1ffb400718c20382030f637892f776627d34e021bad4f81b7de8222"
	parts := strings.Split(example, "$")
	salt, err := hex.DecodeString(parts[3])
	require.NoError(t, err)
	hash, err := hashPassword("hashcat", salt, 35460)
	require.NoError(t, err)
	require.Len(t, hash.Entropy, entropySize)
	require.Equal(t, parts[4], hex.EncodeToString(hash.Entropy[:64]), "the example has the first half")
}

// TestUserRecord reads a record as macOS does and checks the password with it.
func TestUserRecord(t *testing.T) {
	o, err := options().complete()
	require.NoError(t, err)
	data, err := userRecord(o)
	require.NoError(t, err)
	require.True(t, bytes.HasPrefix(data, []byte("bplist00")))
	var record struct {
		UID    []string `plist:"uid"`
		UUID   []string `plist:"generateduid"`
		Shadow [][]byte `plist:"ShadowHashData"`
	}
	require.NoError(t, decode(data, &record))
	require.Equal(t, []string{"501"}, record.UID)
	require.Regexp(t, `^[0-9A-F]{8}-[0-9A-F]{4}-8[0-9A-F]{3}-[89AB][0-9A-F]{3}-[0-9A-F]{12}$`, record.UUID[0])
	var shadow map[string]passwordHash
	require.NoError(t, decode(record.Shadow[0], &shadow))
	got := shadow["SALTED-SHA512-PBKDF2"]
	want, err := hashPassword(o.Password, got.Salt, got.Iterations)
	require.NoError(t, err)
	require.Equal(t, want, got)
	require.NotContains(t, string(data), o.Password)
}

// TestPython has another implementation read all property lists.
func TestPython(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("requires python3 (Debian: apt-get install python3)")
	}
	tree, err := Files(options())
	require.NoError(t, err)
	lists := 0
	for _, e := range tree {
		if !strings.HasSuffix(e.Path, ".plist") {
			continue
		}
		path := filepath.Join(t.TempDir(), "x.plist")
		require.NoError(t, os.WriteFile(path, e.Content, 0o600))
		const script = "import plistlib,sys\nd=plistlib.load(open(sys.argv[1],'rb'))\n" +
			"for s in d.get('ShadowHashData',[]): print(plistlib.loads(s)['SALTED-SHA512-PBKDF2']['iterations'])\nprint(len(d))"
		out, err := exec.CommandContext(t.Context(), python, "-c", script, path).CombinedOutput()
		require.NoError(t, err, "%s: %s", e.Path, out)
		if strings.Contains(e.Path, "dslocal") {
			require.Equal(t, fmt.Sprintf("%d\n16\n", iterations), string(out))
		}
		lists++
	}
	require.Equal(t, 5, lists)
}

func TestOptions(t *testing.T) {
	tests := map[string]func(*Options){
		"root":        func(o *Options) { o.User = "root" },
		"path":        func(o *Options) { o.User = "../x" },
		"shell":       func(o *Options) { o.User = "a;b" },
		"capitals":    func(o *Options) { o.User = "Dev" },
		"dot first":   func(o *Options) { o.User = ".ssh" },
		"long":        func(o *Options) { o.User = strings.Repeat("a", 32) },
		"system uid":  func(o *Options) { o.UID = 20 },
		"no password": func(o *Options) { o.Password = "" },
		"zero byte":   func(o *Options) { o.Password = "a\x00b" },
		"no UUID":     func(o *Options) { o.UUID = "" },
		"no version":  func(o *Options) { o.Version = "" },
		"short salt":  func(o *Options) { o.Salt = []byte{1} },
		"no agent":    func(o *Options) { o.Agent = nil },
		"ELF":         func(o *Options) { o.Agent = []byte("\x7fELF and so on and so on and so on and so on") },
		"for Intel":   func(o *Options) { o.Agent = program(0x01000007, 2) },
		"a library":   func(o *Options) { o.Agent = program(0x0100000c, 6) },
	}
	for name, change := range tests {
		o := options()
		change(&o)
		_, err := Files(o)
		require.ErrorIs(t, err, vzcontract.ErrValidation, name)
	}
	o := options()
	o.Salt = nil
	a, err := Files(o)
	require.NoError(t, err)
	b, err := Files(o)
	require.NoError(t, err)
	require.NotEqual(t, a[len(a)-8].Content, b[len(b)-8].Content, "each record has a salt of its own")
	require.NotEqual(t, NewPassword(), NewPassword())
	require.Len(t, NewPassword(), 26)
}

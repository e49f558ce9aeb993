package compose

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"vz.internal/vzcontract"
)

// broken are files that cannot be run, each with the one line that says so.
var broken = []struct{ name, text, want string }{
	{"a tab", "services:\n\tweb: {image: x}\n", "compose.yaml:2: "},
	{"no YAML", "services:\n  web:\n    image: x\n   command: y\n", "compose.yaml:3: "},
	{"a quote that does not end", "services: {web: {image: \"x\n", "compose.yaml:2: "},
	{"nothing", "", "compose.yaml: empty compose file"},
	{"a list", "- a\n", "compose.yaml:1: "},
	{"no services", "x-a: b\nservices:\n", "compose.yaml:2: services must be a mapping"},
	{"an empty service", "services:\n  web:\n", "compose.yaml:2: services.web must be a mapping"},
	{"no image", "services:\n  web: {command: x}\n", "compose.yaml:2: "},
	{"an unknown key", "services:\n  web:\n    image: x\n    imagee: y\n", "compose.yaml:4: services.web.imagee: there is no such key"},
	{"an unknown key of x-vz", "services:\n  web:\n    image: x\n    x-vz: {colour: red}\n", "compose.yaml:4: services.web.x-vz.colour: "},
	{"an unknown key at the top", "services: {}\nservces: {}\n", "compose.yaml:2: servces: there is no such key"},
	{"a name that is a path", "services:\n  a/x: {image: y}\n", `compose.yaml:2: services: "a/x" is no name`},
	{"a key twice", "services:\n  web: {image: x}\n  web: {image: y}\n", `compose.yaml:3: mapping key "web" already defined at line 2`},
	{"a wrong type", "services:\n  web:\n    image: [x]\n", "compose.yaml:3: services.web.image must be a string"},
	{"a port", "services:\n  web:\n    image: x\n    ports:\n    - 99999:80\n", "compose.yaml:5: invalid hostPort: 99999"},
	{"a size", "services:\n  web:\n    image: x\n    mem_limit: lots\n", "compose.yaml:4: "},
	{"a time", "services:\n  web:\n    image: x\n    stop_grace_period: soon\n", "compose.yaml:4: "},
	{"an image", "services:\n  web:\n    image: \"x\\e[31m\"\n", `compose.yaml:3: services.web.image: "x\x1b[31m" is no name of an image`},
	{"a variable", "services:\n  web:\n    image: ${IMAGE:?is missing}\n", "compose.yaml:3: "},
	{"no variable", "services:\n  web:\n    image: ${\n", "compose.yaml:3: "},
	{"a cycle", "services:\n  a: {image: x, depends_on: [b]}\n  b: {image: x, depends_on: [c]}\n  c: {image: x, depends_on: [a]}\n", "compose.yaml:2: dependency cycle"},
	{"a dependency", "services:\n  a:\n    image: x\n    depends_on: [b]\n", "compose.yaml:4: "},
	{"a network", "services:\n  a:\n    image: x\n    networks: [b]\n", "compose.yaml:4: "},
	{"a volume", "services:\n  a:\n    image: x\n    volumes: [data:/b]\n", "compose.yaml:4: "},
	{"a secret", "services:\n  a:\n    image: x\n    secrets: [b]\n", "compose.yaml:4: "},
	{"a secret's file", "services:\n  a: {image: x, secrets: [b]}\nsecrets:\n  b: {file: none}\n", "compose.yaml:4: secret b: the file "},
	{"a secret without end", "services:\n  a: {image: x, secrets: [{source: b, mode: 0400}]}\nsecrets:\n  b: {file: /dev/zero}\n", "compose.yaml:4: secret b: /dev/zero is no regular file"},
	{"a secret of the store", "services:\n  a: {image: x, secrets: [b]}\nsecrets:\n  b: {external: true}\n", "compose.yaml:4: secret b is external"},
	{"an env_file", "services:\n  a:\n    image: x\n    env_file: none.env\n", "compose.yaml:4: "},
	{"an alias of itself", "x-a: &a {b: *a}\nservices: {a: {image: x}}\n", "compose.yaml:1: "},
	{"aliases without end", bomb(), "compose.yaml:1: "},
	{"extends in a circle", "services:\n  a: {extends: b}\n  b: {extends: a}\n", "compose.yaml:"},
	{"extends of no file", "services:\n  a:\n    extends: {service: b, file: none.yaml}\n", "compose.yaml:3: "},
	{"include of itself", "services: {a: {image: x}}\ninclude: [compose.yaml]\n", "compose.yaml:2: include cycle"},
	{"include of no file", "services: {a: {image: x}}\ninclude:\n- none.yaml\n", "compose.yaml:3: "},
	{"a refusal in an included file", "include:\n- more/gpu.yaml\n", "more/gpu.yaml:4: services.gpu.gpus: "},
	{"a link that is a service", "services:\n  a: {image: x}\n  b: {image: x}\n  c:\n    image: x\n    links: [a:b]\n", "compose.yaml:6: services.c.links: a:b: b is the name of another service"},
	{"a link with two meanings", "services:\n  a: {image: x}\n  b: {image: x}\n  c:\n    image: x\n    links: [a:db]\n  d: {image: x, links: [b:db]}\n", "compose.yaml:6: services.c.links: a:db: another service has db for b"},
	{"ports twice", "services:\n  a: {image: x, ports: [80:80]}\n  b:\n    image: x\n    ports: [80:81]\n", "compose.yaml:5: services a and b both publish port 80/tcp"},
}

// bomb has aliases of aliases, which written out are a billion.
func bomb() string {
	text := "x-0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
	for i := range 9 {
		from, to := string(rune('0'+i)), string(rune('1'+i))
		text += "x-" + to + ": &a" + to + " [" + strings.Repeat("*a"+from+", ", 9) + "*a" + from + "]\n"
	}
	return text + "services: {a: {image: x}}\n"
}

func TestBrokenFiles(t *testing.T) {
	for _, tt := range broken {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "test")
			require.NoError(t, os.MkdirAll(filepath.Join(dir, "more"), 0o700))
			require.NoError(t, os.WriteFile(filepath.Join(dir, "compose.yaml"), []byte(tt.text), 0o600))
			require.NoError(t, os.WriteFile(filepath.Join(dir, "more/gpu.yaml"), []byte("services:\n  gpu:\n    image: x\n    gpus: all\n"), 0o600))
			p, err := Load(t.Context(), Source{Dir: dir})
			if err == nil {
				_, err = p.Desired(t.Context(), testHost(t))
			}
			require.Error(t, err)
			for line := range strings.SplitSeq(err.Error(), "\n") {
				require.Contains(t, line, ".yaml:", "one line each, with its place")
			}
			require.True(t, strings.HasPrefix(err.Error(), tt.want), "%s: want %s", err, tt.want)
			class := errors.Is(err, vzcontract.ErrValidation) || errors.Is(err, vzcontract.ErrNotFound) ||
				errors.Is(err, vzcontract.ErrConflict) || errors.Is(err, vzcontract.ErrUnsupported)
			require.True(t, class, "%v has no class", err)
		})
	}
}

// TestNoWorkingDirectory: a load from a directory that is gone says so.
func TestNoWorkingDirectory(t *testing.T) {
	file := filepath.Join(t.TempDir(), "compose.yaml")
	require.NoError(t, os.WriteFile(file, []byte("services: {web: {image: x}}\n"), 0o600))
	gone := t.TempDir()
	t.Chdir(gone)
	require.NoError(t, os.Remove(gone))
	_, err := Load(t.Context(), Source{Files: []string{file}})
	require.ErrorIs(t, err, vzcontract.ErrValidation)
	require.ErrorContains(t, err, "the working directory: ")
}

package devfile

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"vz.internal/vzcontract"
)

func TestParse(t *testing.T) {
	got, err := Parse("vz.json", []byte(`{
		"$schema": "vz.schema.json",
		"image": "golang:1.26",
		"workspace": "/src/",
		"mounts": [{"source": ".", "target": "."}, {"source": "../lib", "target": "/lib2", "readOnly": true}],
		"setup": ["apt-get update", "true"],
		"env": {"A": "b", "EMPTY": ""},
		"ports": [8080, "3000:80", "0.0.0.0:53:53/udp"],
		"resources": {"cpus": 1.5, "memory": "4g"},
		"backend": "native"
	}`))
	if err != nil {
		t.Fatal(err)
	}
	want := File{
		Schema: "vz.schema.json", Image: "golang:1.26", Workspace: "/src",
		Mounts: []Mount{{Source: ".", Target: "/src"}, {Source: "../lib", Target: "/lib2", ReadOnly: true}},
		Setup:  []string{"apt-get update", "true"}, Env: map[string]string{"A": "b", "EMPTY": ""},
		Ports: []Port{"8080", "3000:80", "0.0.0.0:53:53/udp"}, Resources: Resources{CPUs: 1.5, Memory: "4g"}, Backend: "native",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("Parse = %+v, want %+v", got, want)
	}
}

func TestParseDefaults(t *testing.T) {
	got, err := Parse("vz.json", []byte("\ufeff {}\r\n"))
	want := File{Image: "ubuntu:24.04", Workspace: "/workspace", Mounts: []Mount{{Source: ".", Target: "/workspace"}}, Setup: []string{}, Env: map[string]string{}, Ports: []Port{}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("Parse of {} = %+v, %v, want %+v", got, err, want)
	}
	if got, err = Parse("vz.json", []byte(`{"mounts": []}`)); err != nil || len(got.Mounts) != 0 {
		t.Errorf("no mounts on purpose: %+v, %v", got.Mounts, err)
	}
}

// Each file has one thing that is wrong, and the error names it with its line.
func TestParseErrors(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"", "f:1: the file ends too early: a value, a quote or a closing bracket is missing"},
		{"\n\n[]", "f:3: want an object, not a list"},
		{"null", "f:1: want an object, not null"},
		{"{\n\"image\": \"a\",\n\"imgae\": 1\n}", `f:3: unknown key "imgae"; known are backend, env, image, mounts, ports, resources, setup, workspace`},
		{`{"Image": "a"}`, `f:1: unknown key "Image": did you mean "image"?`},
		{"{\"mounts\": [\n{\"source\": \".\", \"target\": \"/w\"},\n{\"source\": \".\",\n \"target\": \"/v\", \"read_only\": true}]}", `f:4: unknown key "mounts[1].read_only": did you mean "readOnly"?`},
		{"{\"env\": {\"A\": \"1\",\n\"A\": \"2\"}}", `f:2: key "env.A" is there already, on line 1`},
		{"{\"image\": \"a\",\n\"image\": \"b\"}", `f:2: key "image" is there already, on line 1`},
		{"{\n// the image\n\"image\": \"a\"}", "f:2: comments are not allowed in JSON"},
		{"{\"image\": \"a\" /* the image */}", "f:1: comments are not allowed in JSON"},
		{"{}\n# end", "f:2: comments are not allowed in JSON"},
		{"{\"image\": \"a\",\n}", "f:2: a comma before }, or a value that is missing"},
		{"{\"setup\": [\"a\",\n]}", "f:2: a comma before ], or a value that is missing"},
		{"{\"setup\": [\"a\"\n\"b\"]}", "f:2: no JSON: invalid character '\"' after array element"},
		{"{'image': 1}", "f:1: strings are in double quotes"},
		{"{\"image\": \"a\"", "f:1: the file ends too early: a value, a quote or a closing bracket is missing"},
		{"{\"image\":\n \"a", "f:2: the file ends too early: a value, a quote or a closing bracket is missing"},
		{"{}\n{}", "f:2: there is more after the end of the object"},
		{"{},\n", "f:1: there is more after the end of the object"},
		{"{\n\"image\": \"\xff\"}", "f:2: the text is not UTF-8"},
		{"{\"setup\": " + strings.Repeat("[", 100) + strings.Repeat("]", 100) + "}", "f:1: the values are nested too deeply"},
		{`{"image": null}`, "f:1: image: want a string, in double quotes, not null"},
		{`{"setup": "make"}`, "f:1: setup: want a list, not a string"},
		{"{\"env\": {\n\"PORT\": 80}}", "f:2: env.PORT: want a string, in double quotes, not a number"},
		{`{"env": ["A=b"]}`, "f:1: env: want an object, not a list"},
		{`{"mounts": [{"source": "a", "target": "/b", "readOnly": "yes"}]}`, "f:1: mounts[0].readOnly: want true or false, not a string"},
		{`{"resources": {"cpus": "2"}}`, "f:1: resources.cpus: want a number, without quotes, not a string"},
		{`{"resources": {"cpus": 1e999}}`, "f:1: resources.cpus: the number 1e999 is too large"},
		{`{"resources": {"memory": 4}}`, "f:1: resources.memory: want a string, in double quotes, not a number"},

		{`{"image": "a b"}`, `f:1: image: "a b" has white space in it`},
		{"{\n\"workspace\": \"src\"}", `f:2: workspace: want an absolute path below /, not "src"`},
		{`{"workspace": "/x/.."}`, `f:1: workspace: want an absolute path below /, not "/"`},
		{"{\"mounts\": [\n{\"source\": \"a\"}]}", "f:2: mounts[0]: source and target are both needed"},
		{`{"mounts": [{"source": "~/a", "target": "b"}]}`, "f:1: mounts[0].source: ~ is not replaced: write a path that is absolute or relative to the directory of vz.json"},
		{`{"mounts": [{"source": "a", "target": "../.."}]}`, "f:1: mounts[0].target: want a path below /"},
		{"{\"mounts\": [{\"source\": \"a\", \"target\": \"/workspace/b\"},\n{\"source\": \"c\", \"target\": \"b\"}]}", "f:2: mounts[1].target: two mounts at /workspace/b"},
		{"{\"setup\": [\"a\",\n\" \"]}", "f:2: setup[1]: the command is empty"},
		{`{"env": {"A=": "b"}}`, "f:1: env.A=: no name of a variable, or a value with a NUL byte"},
		{`{"ports": [0]}`, `f:1: ports[0]: port "0": want 8080, "3000:80" or "ADDRESS:3000:80", with numbers from 1 to 65535`},
		{`{"ports": [80, 80]}`, "f:1: ports[1]: 80 is there twice"},
		{`{"ports": ["80/sctp"]}`, `f:1: ports[0]: port "80/sctp": want protocol tcp or udp`},
		{`{"ports": ["host:1:2"]}`, `f:1: ports[0]: port "host:1:2": "host" is no address`},
		{`{"ports": [true]}`, `f:1: ports[0]: want a string, in double quotes, not true or false`},
		{`{"resources": {"cpus": -1}}`, "f:1: resources.cpus: want a number of processors such as 1.5, at least 0.01"},
		{`{"resources": {"memory": "lots"}}`, `f:1: resources.memory: want a size such as "512m" or "4g", not "lots"`},
		{"{\n\"backend\": \"docker\"}", `f:2: backend: want auto, native (linux, linux-native) or vm (macos, macos-vz), not "docker"`},
	} {
		_, err := Parse("f", []byte(tt.in))
		if !errors.Is(err, vzcontract.ErrValidation) || err.Error() != tt.want {
			t.Errorf("Parse(%q)\n gives %v\n want  %s", tt.in, err, tt.want)
		}
	}
}

func TestParseNamesAllErrors(t *testing.T) {
	_, err := Parse("f", []byte("{\"a\": 1,\n\"b\": 2}"))
	if err == nil || strings.Count(err.Error(), "unknown key") != 2 {
		t.Errorf("error %v, want two", err)
	}
}

func TestParseTooLarge(t *testing.T) {
	_, err := Parse("f", []byte(`{"image": "`+strings.Repeat("a", maxSize)+`"}`))
	if err == nil || err.Error() != "f:1: the file is larger than 1048576 bytes" {
		t.Errorf("error %.100v", err)
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	if _, err := Load(dir); err == nil || !strings.Contains(err.Error(), "want a file, not a directory") {
		t.Errorf("Load of a directory: %v", err)
	}
	file := filepath.Join(dir, Name)
	if err := os.WriteFile(file, []byte(`{"image": "a"}`), 0o644); err != nil {
		t.Fatal(err)
	}
	if f, err := Load(file); err != nil || f.Image != "a" {
		t.Errorf("Load = %+v, %v", f, err)
	}
}

func TestFind(t *testing.T) {
	dir := t.TempDir()
	deep := filepath.Join(dir, "a", "b")
	if err := os.MkdirAll(deep, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := Find(deep); !errors.Is(err, vzcontract.ErrNotFound) {
		t.Errorf("Find without a file: %v", err)
	}
	for _, at := range []string{dir, filepath.Join(dir, "a")} {
		file := filepath.Join(at, Name)
		if err := os.WriteFile(file, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		if got, err := Find(deep); got != file || err != nil {
			t.Errorf("Find = %s, %v, want %s", got, err, file)
		}
	}
}

// What Parse takes can be written and read again, and has a meaning.
func FuzzParse(f *testing.F) {
	f.Add(`{"image": "a", "ports": [1, "2:3/udp"], "resources": {"cpus": 0.5, "memory": "1kib"}}`)
	f.Add(`{"mounts": [{"source": ".", "target": "x"}], "env": {"A": "b"}, "setup": ["c"]}`)
	f.Add("{\n// no\n}")
	f.Fuzz(func(t *testing.T, text string) {
		file, err := Parse("f", []byte(text))
		if err != nil {
			if !errors.Is(err, vzcontract.ErrValidation) || !strings.HasPrefix(err.Error(), "f:") {
				t.Errorf("Parse(%q): %v", text, err)
			}
			return
		}
		for _, p := range file.Ports {
			if m, err := p.Mapping(); err != nil || m.HostPort == 0 || m.ContainerPort == 0 {
				t.Errorf("port %q: %+v, %v", p, m, err)
			}
		}
		written, err := file.Encode()
		if err != nil {
			t.Fatal(err)
		}
		again, err := Parse("f", written)
		if err != nil {
			t.Fatalf("Parse(%q) is written as %s: %v", text, written, err)
		}
		twice, err := again.Encode()
		if err != nil || string(written) != string(twice) {
			t.Errorf("%s becomes %s (%v)", written, twice, err)
		}
	})
}

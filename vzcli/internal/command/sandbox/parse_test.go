package sandbox

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzsandbox"
)

func TestTemplate(t *testing.T) {
	three := int64(3)
	got, err := (&templateFlags{
		Env: []string{"A=1"}, User: "app", Workspace: "/src", Setup: []string{"a, b"}, CPUs: "1.5", Memory: "64m", PidsLimit: &three,
		Allow: []string{"example.com:443"}, CapAdd: []string{"NET_RAW"}, TTL: "90", Timeout: "1m30s", Label: []string{"a=b", "c"}, Meta: []string{"k=v"},
	}).template("img")
	if err != nil {
		t.Fatal(err)
	}
	want := vzsandbox.Template{
		Image: "img", Env: []string{"A=1"}, User: "app", Workspace: "/src", Setup: []string{"a, b"},
		Limits:       vzsandbox.Limits{NanoCPUs: 1.5e9, Memory: 64 << 20, Pids: 3},
		Network:      vzsandbox.Network{Mode: vzsandbox.NetworkAllow, Allow: []string{"example.com:443"}},
		Capabilities: []string{"NET_RAW"}, TTL: 90 * time.Second, CommandTimeout: 90 * time.Second,
		Labels: map[string]string{"a": "b", "c": ""}, Metadata: map[string]string{"k": "v"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got, err := new(templateFlags).template("img"); err != nil || !cmp.Equal(got, vzsandbox.Template{Image: "img"}) {
		t.Errorf("without flags: %+v, %v", got, err)
	}
}

func TestProject(t *testing.T) {
	t.Chdir(t.TempDir())
	here, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		in   projectFlags
		want *vzsandbox.Project
	}{
		{projectFlags{}, nil},
		{projectFlags{Project: new(".")}, &vzsandbox.Project{Dir: here}},
		{projectFlags{Project: new("/a:ro")}, &vzsandbox.Project{Dir: "/a"}},
		{projectFlags{Project: new("/a:rw")}, &vzsandbox.Project{Dir: "/a", Writable: true}},
		{projectFlags{Project: new("/a:rw:ro")}, &vzsandbox.Project{Dir: "/a:rw"}},
		{projectFlags{Project: new("/a:b"), Copy: true}, &vzsandbox.Project{Dir: "/a:b", Copy: true}},
	} {
		got, err := tt.in.project()
		if err != nil || !cmp.Equal(got, tt.want) {
			t.Errorf("%+v = %+v, %v, want %+v", tt.in, got, err, tt.want)
		}
	}
	for _, in := range []projectFlags{{Copy: true}, {Project: new("")}, {Project: new(":rw")}, {Project: new("a:rw"), Copy: true}, {Project: new("a:ro"), Copy: true}} {
		_, err := in.project()
		if usage := new(command.UsageError); !errors.As(err, &usage) {
			t.Errorf("%+v: error = %v, want one of usage", in, err)
		}
	}
}

func TestProjectRoot(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	t.Setenv("VZ_SANDBOX_ROOT", "")
	for _, tt := range []struct{ flag, variable, want string }{
		{"", "", dir}, {"sub", "", filepath.Join(dir, "sub")}, {"", "/env", "/env"}, {"/flag", "/env", "/flag"},
	} {
		t.Setenv("VZ_SANDBOX_ROOT", tt.variable)
		if got, err := projectRoot(tt.flag); err != nil || got != tt.want {
			t.Errorf("%+v = %s, %v", tt, got, err)
		}
	}
}

func TestResult(t *testing.T) {
	for _, tt := range []struct {
		name string
		in   vzsandbox.Result
		want result
	}{
		{"text", vzsandbox.Result{Stdout: []byte("é\n"), Took: 1500 * time.Microsecond}, result{Encoding: "utf-8", Stdout: "é\n", TookMs: 1.5}},
		{"one stream is no text", vzsandbox.Result{Stdout: []byte("a"), Stderr: []byte{0xff}}, result{Encoding: "base64", Stdout: "YQ==", Stderr: "/w=="}},
		{
			"cut in a character",
			vzsandbox.Result{Stdout: []byte("aé")[:2], StdoutTruncated: true},
			result{Encoding: "utf-8", Stdout: "a", StdoutTruncated: true},
		},
		{
			"cut after a character",
			vzsandbox.Result{Stderr: []byte("aé"), StderrTruncated: true},
			result{Encoding: "utf-8", Stderr: "aé", StderrTruncated: true},
		},
		{
			"cut and no text",
			vzsandbox.Result{Stdout: []byte{0xff, 0xc3}, StdoutTruncated: true},
			result{Encoding: "base64", Stdout: "/8M=", StdoutTruncated: true},
		},
	} {
		if diff := cmp.Diff(tt.want, newResult(tt.in)); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
	}
}

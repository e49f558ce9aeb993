package runflags

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vz.internal/vzcontract"
)

func TestParseVolume(t *testing.T) {
	wd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	bind := func(m vzcontract.Mount) vzcontract.Mount {
		m.Type, m.CreateSource = vzcontract.MountBind, true
		return m
	}
	volume := func(m vzcontract.Mount) vzcontract.Mount { m.Type = vzcontract.MountVolume; return m }
	tests := []struct {
		in   string
		want vzcontract.Mount
		err  string
	}{
		{in: "/a:/b", want: bind(vzcontract.Mount{Source: "/a", Target: "/b"})},
		{in: "/a/../c:/b/", want: bind(vzcontract.Mount{Source: "/c", Target: "/b"})},
		{in: "./x:/b:ro", want: bind(vzcontract.Mount{Source: filepath.Join(wd, "x"), Target: "/b", ReadOnly: true})},
		{in: ".:/b", want: bind(vzcontract.Mount{Source: wd, Target: "/b"})},
		{in: "/a:/b:ro,z,rshared", want: bind(vzcontract.Mount{Source: "/a", Target: "/b", ReadOnly: true, Relabel: "z", Propagation: "rshared"})},
		{in: "/a:/b:cached", want: bind(vzcontract.Mount{Source: "/a", Target: "/b"})},
		{in: "/a:/b:bind", want: bind(vzcontract.Mount{Source: "/a", Target: "/b", NonRecursive: true})},
		{in: "data:/b", want: volume(vzcontract.Mount{Source: "data", Target: "/b"})},
		{in: "data:/b:nocopy", want: volume(vzcontract.Mount{Source: "data", Target: "/b", NoCopy: true})},
		{in: "/b", want: volume(vzcontract.Mount{Target: "/b"})},
		{in: "/b:ro", want: volume(vzcontract.Mount{Target: "/b", ReadOnly: true})},

		{in: "", err: "not an absolute path"},
		{in: "b", err: "not an absolute path"},
		{in: "/a:b", err: "not an absolute path"},
		{in: "/a:/", err: "cannot be /"},
		{in: "/a:/b/..", err: "cannot be /"},
		{in: ":/b", err: "source is empty"},
		{in: "a/b:/c", err: "no name for a volume"},
		{in: "a:/c", want: volume(vzcontract.Mount{Source: "a", Target: "/c"})},
		{in: "/a:/b:ro,rw", err: "exclude each other"},
		{in: "/a:/b:fast", err: `unknown option "fast"`},
		{in: "/a:/b:nocopy", err: "nocopy is for volumes"},
		{in: "data:/b:shared", err: "propagation"},
		{in: "/a:/b:ro:x", err: "--mount"},
	}
	for _, tt := range tests {
		t.Run(tt.in, func(t *testing.T) {
			got, err := ParseVolume("volume", tt.in)
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Fatalf("ParseVolume(%q) error = %v, want one about %q", tt.in, err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatalf("ParseVolume(%q): %v", tt.in, err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("ParseVolume(%q) (-want +got):\n%s", tt.in, diff)
			}
		})
	}
}

func TestParseMount(t *testing.T) {
	tests := []struct {
		in   string
		want vzcontract.Mount
		err  string
	}{
		{in: "type=bind,source=/a,target=/b", want: vzcontract.Mount{Type: "bind", Source: "/a", Target: "/b"}},
		{in: "type=bind,src=/a,dst=/b,ro,bind-propagation=rslave,bind-recursive=disabled", want: vzcontract.Mount{
			Type: "bind", Source: "/a", Target: "/b", ReadOnly: true, Propagation: "rslave", NonRecursive: true,
		}},
		{in: "source=data,destination=/b,readonly=false", want: vzcontract.Mount{Type: "volume", Source: "data", Target: "/b"}},
		{in: "target=/b,volume-nocopy,volume-subpath=x,volume-label=a=b,volume-opt=type=tmpfs,volume-driver=local", want: vzcontract.Mount{
			Type: "volume", Target: "/b", NoCopy: true, Subpath: "x", VolumeDriver: "local",
			VolumeLabels: map[string]string{"a": "b"}, VolumeOptions: map[string]string{"type": "tmpfs"},
		}},
		{in: `type=volume,target=/b,"volume-opt=o=addr=1,rw"`, want: vzcontract.Mount{
			Type: "volume", Target: "/b", VolumeOptions: map[string]string{"o": "addr=1,rw"},
		}},
		{in: "type=tmpfs,target=/b,tmpfs-size=1m,tmpfs-mode=1770", want: vzcontract.Mount{Type: "tmpfs", Target: "/b", TmpfsSize: 1 << 20, TmpfsMode: 0o1770}},
		{in: "type=image,source=busybox,target=/b,image-subpath=bin", want: vzcontract.Mount{Type: "image", Source: "busybox", Target: "/b", Subpath: "bin"}},

		{in: "", err: "empty"},
		{in: "type=bind,target=/b", err: "source= is missing"},
		{in: "type=bind,source=/a", err: "target= is missing"},
		{in: "type=nfs,target=/b", err: "unknown type"},
		{in: "type=tmpfs,source=/a,target=/b", err: "does not belong"},
		{in: "type=tmpfs,target=/b,volume-nocopy", err: "does not belong to type tmpfs"},
		{in: "type=volume,target=/b,bind-propagation=shared", err: "does not belong to type volume"},
		{in: "type=bind,source=/a,target=/b,tmpfs-size=1m", err: "does not belong to type bind"},
		{in: "type=bind,source=/a,target=/b,ro=maybe", err: "true or false"},
		{in: "type=bind,source=/a,target=/b,bind-recursive=readonly", err: "bind-recursive"},
		{in: "type=tmpfs,target=/b,tmpfs-mode=9", err: "octal"},
		{in: "target=/b,colour=red", err: "unknown key"},
		{in: "target=/b,type", err: "KEY=VALUE"},
		{in: `"target=/b`, err: "comma-separated"},
		{in: "type=volume,source=/a,target=/b", err: "type=bind"},
	}
	for _, tt := range tests {
		t.Run(tt.in, func(t *testing.T) {
			got, err := ParseMount("mount", tt.in)
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Fatalf("ParseMount(%q) error = %v, want one about %q", tt.in, err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatalf("ParseMount(%q): %v", tt.in, err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("ParseMount(%q) (-want +got):\n%s", tt.in, diff)
			}
		})
	}
}

func checkMountFuzz(t *testing.T, s string, m vzcontract.Mount, err error) {
	t.Helper()
	if err != nil {
		checkError(t, s, err)
		return
	}
	if !strings.HasPrefix(m.Target, "/") || m.Target == "/" || filepath.Clean(m.Target) != m.Target {
		t.Errorf("%q gives target %q", s, m.Target)
	}
	if m.Type == vzcontract.MountBind && !filepath.IsAbs(m.Source) {
		t.Errorf("%q binds %q, which is not absolute", s, m.Source)
	}
}

func FuzzParseVolume(f *testing.F) {
	for _, s := range []string{"/a:/b:ro,z", "data:/x", "/x", "./a:/b", "a:/b:nocopy"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		m, err := ParseVolume("volume", s)
		checkMountFuzz(t, s, m, err)
	})
}

func FuzzParseMount(f *testing.F) {
	for _, s := range []string{"type=bind,source=/a,target=/b,ro", "type=tmpfs,target=/b,tmpfs-size=1m", `"a=b`, "target=/x,volume-opt=o=p"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		m, err := ParseMount("mount", s)
		checkMountFuzz(t, s, m, err)
	})
}

package devenv_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// The owner of a project has a name and a home, whether the image knows it or not.
func TestProgramsRunAsOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("not root: gives files to other users")
	}
	for _, tt := range []struct {
		name     string
		uid, gid int
		env      string
		want     string
	}{
		{"root", 0, 0, `{}`, "0 0 /root\n"},
		{"known to the image", 1000, 1000, `{}`, "1000 1000 /home/app\n"},
		{"unknown", 4321, 1234, `{}`, "4321 1234 /home/dev\n"},
		{"group of the image", 4321, 29, `{}`, "4321 29 /home/dev\n"},
		{"with a home of its own", 4321, 1234, `{"HOME": "/tmp"}`, "4321 1234 /tmp\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := newEnv(t, `{"image": "vz:builtin", "env": `+tt.env+`}`)
			for _, name := range []string{e.dir, filepath.Join(e.dir, "vz.json")} {
				if err := os.Chown(name, tt.uid, tt.gid); err != nil {
					t.Fatal(err)
				}
			}
			c := e.ensure()
			if got := e.run("echo $(id -u) $(id -g) $HOME"); got != tt.want {
				t.Errorf("programs run as %q, want %q", got, tt.want)
			}
			if got := c.Config.Security.NoNewPrivileges; got != (tt.uid != 0) {
				t.Errorf("no new privileges: %v", got)
			}
			if got := e.run("set -- $(ls -ldn /home/dev 2>/dev/null); echo $3 $4"); tt.uid == 4321 && got != fmt.Sprintln(tt.uid, tt.gid) {
				t.Errorf("the home belongs to %q", got)
			}
		})
	}
}

// What an image says of its users stays, whatever its last line ends with.
func TestUserIsAdded(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("not root: gives files to other users")
	}
	e := newEnv(t, `{"image": "vz:builtin", "setup": ["printf 'root:x:0:0::/root:/bin/sh\\ndev:x:9:9::/:/bin/sh' > /etc/passwd", "rm /etc/group"]}`)
	for _, name := range []string{e.dir, filepath.Join(e.dir, "vz.json")} {
		if err := os.Chown(name, 4321, 1234); err != nil {
			t.Fatal(err)
		}
	}
	want := "root:x:0:0::/root:/bin/sh\ndev:x:9:9::/:/bin/sh\ndev2:x:4321:1234::/home/dev2:/bin/sh\ndev:x:1234:\n"
	if got := e.run("cat /etc/passwd /etc/group"); got != want {
		t.Errorf("the users are %q, want %q", got, want)
	}
}

// What is mounted from the host is never written to, and a link is no database.
func TestUserIsNotAdded(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("not root: gives files to other users")
	}
	for name, tt := range map[string]struct{ file, want string }{
		"users from the host": {`"mounts": [{"source": ".", "target": "/workspace"}, {"source": "etc", "target": "/etc"}]`, "host\n4321 4321 /\n"},
		"a link":              {`"setup": ["mv /etc/passwd /etc/real; ln -s real /etc/passwd; echo image > /etc/real"]`, "image\n4321 4321 /\n"},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEnv(t, `{"image": "vz:builtin", `+tt.file+`}`)
			etc := filepath.Join(e.dir, "etc")
			if err := os.Mkdir(etc, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(etc, "passwd"), []byte("host\n"), 0o644); err != nil {
				t.Fatal(err)
			}
			for _, name := range []string{e.dir, filepath.Join(e.dir, "vz.json")} {
				if err := os.Chown(name, 4321, 4321); err != nil {
					t.Fatal(err)
				}
			}
			if got := e.run("cat /etc/passwd; echo $(id -u) $(id -g) $HOME"); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
	e := newEnv(t, `{"image": "vz:builtin", "mounts": [{"source": ".", "target": "/home/dev"}]}`)
	if err := errors.Join(os.Chown(e.dir, 4321, 4321), os.Chown(filepath.Join(e.dir, "vz.json"), 4321, 4321), os.Chmod(e.dir, 0o700)); err != nil {
		t.Fatal(err)
	}
	if got := e.run("echo $HOME"); got != "/home/dev\n" {
		t.Errorf("the home is %q", got)
	}
	if info, err := os.Stat(e.dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the project's directory has mode %v, %v", info.Mode(), err)
	}
}

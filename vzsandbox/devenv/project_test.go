package devenv

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"vz.internal/vzcontract"
	"vz.internal/vzsandbox/devfile"
)

func TestWorkingDir(t *testing.T) {
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	project := filepath.Join(root, "project")
	for _, dir := range []string{"project/a/b", "project/cache/x", "lib/c", "elsewhere"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(filepath.Join(project, "a"), filepath.Join(root, "link")); err != nil {
		t.Fatal(err)
	}
	p := Project{Dir: project, File: devfile.File{Workspace: "/workspace", Mounts: []devfile.Mount{
		{Source: ".", Target: "/workspace"},
		{Source: "../lib", Target: "/lib2"},
		{Source: "../elsewhere", Target: "/workspace/cache"},
	}}}
	for dir, want := range map[string]string{
		"project": "/workspace", "project/a/b": "/workspace/a/b", "link/b": "/workspace/a/b",
		"lib": "/lib2", "lib/c": "/lib2/c", "elsewhere": "/workspace/cache",
		".": "/workspace", "none": "/workspace",
		"project/cache/x": "/workspace", // another mount covers it
	} {
		if got := p.WorkingDir(filepath.Join(root, dir)); got != want {
			t.Errorf("WorkingDir(%s) = %s, want %s", dir, got, want)
		}
	}
}

func TestName(t *testing.T) {
	for dir, want := range map[string]string{
		"/home/me/My_Project.v2": "vz-dev-My-Project-v2-",
		"/":                      "vz-dev-dev-",
		"/données":               "vz-dev-donn-es-",
		"/a/ein-sehr-langer-name-eines-verzeichnisses": "vz-dev-ein-sehr-langer-name-eines-verze-",
	} {
		name := Project{Dir: dir}.Name()
		if len(name) != len(want)+8 || name[:len(want)] != want || !vzcontract.ValidName(name) {
			t.Errorf("Name of %s = %s, want %s and eight digits", dir, name, want)
		}
	}
	if (Project{Dir: "/a/x"}).Name() == (Project{Dir: "/b/x"}).Name() {
		t.Error("two projects have the same name")
	}
}

func TestOpen(t *testing.T) {
	dir := t.TempDir()
	if _, err := Open(dir); !errors.Is(err, vzcontract.ErrNotFound) {
		t.Errorf("Open without vz.json: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, devfile.Name), []byte(`{"image": 1}`), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir); !errors.Is(err, vzcontract.ErrValidation) {
		t.Errorf("Open of a wrong vz.json: %v", err)
	}
	if p, err := Find(dir); err != nil || filepath.Base(p.Dir) != filepath.Base(dir) {
		t.Errorf("Find of a wrong vz.json: %+v, %v", p, err)
	}
}

// A file that a stranger put above somebody's directory is not followed.
func TestOpenRefusesStrangers(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("not root: gives files to other users")
	}
	dir := t.TempDir()
	file, mine := filepath.Join(dir, devfile.Name), filepath.Join(dir, "mine")
	if err := os.WriteFile(file, []byte(`{}`), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(mine, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name       string
		file, work int // owners
		sudo       string
		bad        bool
	}{
		{"root's", 0, 0, "", false},
		{"root's file above a user's directory", 0, 1000, "", false},
		{"the owner's of the directory", 1000, 1000, "", false},
		{"a stranger's above root's", 1000, 0, "", true},
		{"a stranger's above a user's", 1001, 1000, "", true},
		{"of the user behind sudo", 1000, 0, "1000", false},
		{"a stranger's with sudo", 1001, 0, "1000", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv("SUDO_UID", tt.sudo)
			if err := errors.Join(os.Chown(file, tt.file, tt.file), os.Chown(mine, tt.work, tt.work)); err != nil {
				t.Fatal(err)
			}
			if _, err := Open(mine); errors.Is(err, vzcontract.ErrDenied) != tt.bad {
				t.Errorf("Open: %v", err)
			}
		})
	}
	// A link of a stranger to a file of root says where the project is.
	if err := errors.Join(os.Rename(file, file+".real"), os.Chown(file+".real", 0, 0), os.Symlink(file+".real", file),
		os.Lchown(file, 1000, 1000), os.Chown(mine, 0, 0)); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(mine); !errors.Is(err, vzcontract.ErrDenied) {
		t.Errorf("Open of a stranger's link: %v", err)
	}
}

func TestUserIsOwner(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, devfile.Name), []byte(`{}`), 0o644); err != nil {
		t.Fatal(err)
	}
	p, err := Open(dir)
	if want := strconv.Itoa(os.Geteuid()) + ":"; err != nil || p.User()[:len(want)] != want {
		t.Errorf("User = %s, %v, want %s…", p.User(), err, want)
	}
}

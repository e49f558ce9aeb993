//go:build linux

package e2e

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vz.internal/tools/e2e/internal/document"
	"vz.internal/tools/e2e/internal/need"
	"vz.internal/tools/e2e/internal/vztest"
	"vz.internal/tools/internal/workspace"
)

var updatePages = flag.Bool("update", false, "write what the commands printed into the documents")

// followed are the pages whose commands are run. Others are about things that a
// test cannot have, or are tables.
var followed = []string{"README.md", "docs/install.md", "docs/run.md", "docs/files.md", "docs/images.md", "docs/connect.md", "docs/stacks.md", "docs/dev.md", "docs/sandboxes.md", "docs/scripts.md"}

// TestDocuments runs the commands of the pages, each page in a home of its own,
// and compares what they print with what the page says. With -update the pages
// are written anew where they differ.
func TestDocuments(t *testing.T) {
	need.Root(t)
	need.Programs(t, "curl", "bash")
	root, err := workspace.Find(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range followed {
		t.Run(strings.TrimSuffix(filepath.Base(page), ".md"), func(t *testing.T) {
			file := filepath.Join(root, page)
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			steps, err := document.Parse(string(data))
			if err != nil {
				t.Fatal(err)
			}
			printed := follow(t, steps)
			if !*updatePages {
				return
			}
			if err := os.WriteFile(file, []byte(document.Rewrite(string(data), steps, printed)), 0o644); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// follow does the steps of one page. It returns what those printed that did not
// print what the page says.
func follow(t *testing.T, steps []document.Step) map[int]string {
	t.Helper()
	h := readersHome(t)
	work := filepath.Join(h.Dir, "work")
	differ := map[int]string{}
	for i, s := range steps {
		if s.NotRun != "" {
			t.Logf("line %d: not run (%s): %s", s.Line, s.NotRun, s.Command)
			continue
		}
		if s.File != "" {
			file := filepath.Join(work, s.File)
			if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(s.Text), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		out, err := shell(t.Context(), h, work, s.Command)
		if mismatch := document.Compare(s.Output, out); mismatch != nil {
			differ[i] = out
			if !*updatePages {
				t.Errorf("line %d: %s: %v", s.Line, s.Command, mismatch)
			}
		}
		// A command that the page shows to fail says so.
		if err != nil && !strings.HasPrefix(out, "vz: ") {
			t.Errorf("line %d: %s: %v\n%s", s.Line, s.Command, err, out)
			break
		}
	}
	return differ
}

// readersHome is the machine of somebody who reads the documents: there are a
// site and a registry in place of docker.io, and port 8080 is free.
func readersHome(t *testing.T) *vztest.Home {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:8080")
	if err != nil {
		need.Missing(t, "port", fmt.Sprintf("the documents use port 8080: %v", err))
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	h := vztest.New(t)
	for name, text := range map[string]string{
		"work/site/index.html": "served from a container\n",
		// A server may take a moment until it listens.
		"user/.curlrc":         "silent\nretry = 30\nretry-connrefused\nretry-all-errors\nretry-delay = 1\n",
		"home/registries.json": fmt.Sprintf(`{"registries": {"docker.io": {"mirrors": [{"url": "http://%s"}]}}}`, libraryRegistry(t)),
	} {
		file := filepath.Join(h.Dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return h
}

// libraryRegistry returns the address of the registry, in which busybox and
// debian:12 have the names that they have on docker.io.
func libraryRegistry(t *testing.T) string {
	t.Helper()
	layout := busyboxLayout(t)
	debian(t, "gzip")
	shared.mu.Lock()
	defer shared.mu.Unlock()
	for _, image := range []struct{ layout, tag, name string }{
		{layout, "busybox", "library/busybox:latest"},
	} {
		if _, done := shared.pushed[image.name]; done {
			continue
		}
		if err := shared.server.Push(image.layout, image.tag, image.name); err != nil {
			t.Fatal(err)
		}
		shared.pushed[image.name] = nil
	}
	return shared.server.Address
}

// shell runs one command line as bash would and returns all that it prints.
func shell(ctx context.Context, h *vztest.Home, dir, line string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, "bash", "-c", line)
	cmd.Dir, cmd.Env = dir, append(h.Environ(), "LC_ALL=C.UTF-8")
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return out.String(), err
}

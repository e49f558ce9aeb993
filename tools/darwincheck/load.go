package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// A pkg is what `go list` says of a package.
type pkg struct {
	Dir, ImportPath   string
	Standard, DepOnly bool
	GoFiles, CgoFiles []string
	ImportMap         map[string]string
	Module            *struct{ GoVersion string }
	Error             *struct{ Pos, Err string }
}

// ours tells whether the package is one of those that are checked.
func (p *pkg) ours() bool { return !p.DepOnly && !p.Standard }

// darwinFiles counts the files that no other system has.
func (p *pkg) darwinFiles() int {
	n := 0
	for _, f := range p.files() {
		base := strings.TrimSuffix(strings.TrimSuffix(f, ".go"), "_test")
		base = strings.TrimSuffix(strings.TrimSuffix(base, "_arm64"), "_amd64")
		if strings.HasSuffix(base, "_darwin") {
			n++
		}
	}
	return n
}

func (p *pkg) files() []string {
	return append(p.GoFiles[:len(p.GoFiles):len(p.GoFiles)], p.CgoFiles...)
}

// load asks `go list`, with cgo on so that nothing is left out.
func load(dir, arch, tags string, patterns []string) ([]*pkg, error) {
	args := []string{
		"list", "-e", "-deps", "-test", "-tags=" + tags,
		"-json=Dir,ImportPath,Standard,DepOnly,GoFiles,CgoFiles,ImportMap,Module,Error", "--",
	}
	cmd := exec.Command("go", append(args, patterns...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOOS=darwin", "GOARCH="+arch, "CGO_ENABLED=1")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w: %s", err, bytes.TrimSpace(stderr.Bytes()))
	}
	var list []*pkg
	for lines := json.NewDecoder(bytes.NewReader(out)); ; {
		p := new(pkg)
		if err := lines.Decode(p); errors.Is(err, io.EOF) {
			return list, nil
		} else if err != nil {
			return nil, fmt.Errorf("go list: %w", err)
		}
		// A program that runs tests is generated, and only in the build cache.
		if p.ImportPath != "unsafe" && !strings.HasSuffix(p.ImportPath, ".test") {
			list = append(list, p)
		}
	}
}

type parsedFile struct {
	tree *ast.File
	err  error
}

// parseAll reads all packages, some at once, and gives the files of each in its channel.
func (c *checker) parseAll(list []*pkg) []<-chan []parsedFile {
	turn := make(chan struct{}, runtime.GOMAXPROCS(0))
	all := make([]<-chan []parsedFile, len(list))
	sends := make([]chan<- []parsedFile, len(list))
	for i := range list {
		ch := make(chan []parsedFile, 1)
		all[i], sends[i] = ch, ch
	}
	go func() {
		for i, p := range list {
			turn <- struct{}{}
			go func() {
				sends[i] <- c.parse(p)
				<-turn
			}()
		}
	}()
	return all
}

func (c *checker) parse(p *pkg) []parsedFile {
	var files []parsedFile
	for _, name := range p.files() {
		if !filepath.IsAbs(name) {
			name = filepath.Join(p.Dir, name)
		}
		tree, err := parser.ParseFile(c.fset, name, nil, parser.SkipObjectResolution)
		files = append(files, parsedFile{tree, err})
	}
	return files
}

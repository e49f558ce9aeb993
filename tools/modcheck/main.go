// Command modcheck compares the repositories that MODULE.bazel takes from
// go_deps with what the workspace's modules require directly.
//
//	modcheck         fail and name the differences
//	modcheck -w      write the right use_repo call into MODULE.bazel
//	modcheck -repos  print a go_repository rule for each module of the build,
//	                 which lets gazelle work without the network
package main

import (
	_ "embed" // the manual
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"vz.internal/tools/internal/manual"
	"vz.internal/tools/internal/workspace"
)

//go:embed main.go
var source string

func main() {
	write := flag.Bool("w", false, "write MODULE.bazel")
	repos := flag.Bool("repos", false, "print go_repository rules")
	manual.ForFlags(source)
	flag.Parse()
	do := func(w *workspace.Workspace) error { return checkFile(w, *write) }
	if *repos {
		do = printRepos
	}
	if err := run(do); err != nil {
		fmt.Fprintln(os.Stderr, "modcheck:", err)
		os.Exit(1)
	}
}

func run(do func(w *workspace.Workspace) error) error {
	root, err := workspace.Find(".")
	if err != nil {
		return err
	}
	w, err := workspace.Load(root)
	if err != nil {
		return err
	}
	return do(w)
}

// printRepos asks go for the modules of the whole build.
func printRepos(w *workspace.Workspace) error {
	cmd := exec.Command("go", "list", "-m", "-f", "{{if not .Main}}{{.Path}}{{end}}", "all")
	cmd.Dir, cmd.Stderr = w.Root, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("go list -m all: %w", err)
	}
	for path := range strings.FieldsSeq(string(out)) {
		fmt.Printf("go_repository(name = %q, importpath = %q)\n", RepoName(path), path)
	}
	return nil
}

// checkFile compares MODULE.bazel, or writes it.
func checkFile(w *workspace.Workspace, write bool) error {
	file := filepath.Join(w.Root, "MODULE.bazel")
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	want := wanted(w)
	if write {
		text, err := replace(string(data), want)
		if err != nil {
			return err
		}
		return os.WriteFile(file, []byte(text), 0o644) //nolint:gosec // a source file
	}
	got, err := used(string(data))
	if err != nil {
		return err
	}
	return compare(got, want)
}

// wanted lists the repositories of all direct requirements.
func wanted(w *workspace.Workspace) []string {
	var names []string
	for _, m := range w.Modules {
		for _, r := range m.Mod.Require {
			if !r.Indirect && w.Sibling(r.Mod.Path) == nil {
				names = append(names, RepoName(r.Mod.Path))
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// RepoName returns gazelle's name for the repository of a module: the host's
// labels in reverse, then the path, in lower case and joined by underscores.
func RepoName(module string) string {
	host, rest, _ := strings.Cut(strings.ToLower(module), "/")
	labels := strings.Split(host, ".")
	slices.Reverse(labels)
	name := strings.Join(labels, "_")
	if rest != "" {
		name += "_" + rest
	}
	return regexp.MustCompile(`[^a-z0-9_]`).ReplaceAllString(name, "_")
}

var useRepo = regexp.MustCompile(`(?s)use_repo\(\s*go_deps,(.*?)\)\n`)

// used lists the names in the use_repo call of go_deps.
func used(text string) ([]string, error) {
	calls := useRepo.FindAllStringSubmatch(text, -1)
	if len(calls) != 1 {
		return nil, fmt.Errorf("MODULE.bazel has %d calls use_repo(go_deps, ...), want one", len(calls))
	}
	var names []string
	for _, quoted := range regexp.MustCompile(`"([^"]*)"`).FindAllStringSubmatch(calls[0][1], -1) {
		names = append(names, quoted[1])
	}
	return names, nil
}

func compare(got, want []string) error {
	var differences []string
	for _, name := range want {
		if !slices.Contains(got, name) {
			differences = append(differences, "missing "+name)
		}
	}
	for _, name := range got {
		if !slices.Contains(want, name) {
			differences = append(differences, name+" is no direct requirement")
		}
	}
	if len(differences) > 0 {
		return fmt.Errorf("use_repo in MODULE.bazel: %s: run `make generate`", strings.Join(differences, ", "))
	}
	return nil
}

func replace(text string, names []string) (string, error) {
	if _, err := used(text); err != nil {
		return "", err
	}
	var call strings.Builder
	call.WriteString("use_repo(\n    go_deps,\n")
	for _, name := range names {
		fmt.Fprintf(&call, "    %q,\n", name)
	}
	call.WriteString(")\n")
	return useRepo.ReplaceAllLiteralString(text, call.String()), nil
}

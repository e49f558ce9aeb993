// Command release packs what was built for several systems: archives, Debian
// packages, bills of material and checksums. `make release` calls it.
//
//	release -version 1.2.3 -epoch SECONDS -root REPOSITORY -in BUILT -out DIR
//
// BUILT has a directory for each system, such as linux_amd64, with its programs,
// and share with manual pages and completions. A file c-libraries in a system's
// directory lists the C libraries in its programs, each as "package version".
// The same input gives the same output, byte for byte: nothing depends on the
// clock, on the order or the times of files, or on who packs.
package main

import (
	_ "embed" // the manual
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

//go:embed main.go
var source string

func main() {
	var r release
	flag.StringVar(&r.version, "version", "", "version of the release, such as 1.2.3")
	epoch := flag.Int64("epoch", -1, "time of the release in seconds, such as that of its commit")
	flag.StringVar(&r.root, "root", ".", "the repository")
	flag.StringVar(&r.in, "in", "", "what was built")
	flag.StringVar(&r.out, "out", "dist", "where to write")
	flag.Usage = func() {
		manual, _, _ := strings.Cut(source, "package main")
		fmt.Fprintf(flag.CommandLine.Output(), "%s\nFlags:\n", strings.ReplaceAll(strings.ReplaceAll(manual, "// ", ""), "//", ""))
		flag.PrintDefaults()
	}
	flag.Parse()
	r.time = time.Unix(*epoch, 0).UTC()
	if err := run(&r, *epoch); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

// A release is one version of vz on all systems.
type release struct {
	version       string
	time          time.Time
	root, in, out string
}

var versionPattern = regexp.MustCompile(`^\d+\.\d+\.\d+(-[0-9A-Za-z.]+)?$`)

func run(r *release, epoch int64) error {
	if flag.NArg() > 0 || r.in == "" || epoch < 0 {
		return errors.New("usage: release -version VERSION -epoch SECONDS -in DIR [-root DIR] [-out DIR]")
	}
	if !versionPattern.MatchString(r.version) {
		return fmt.Errorf("version %q: want three numbers, such as 1.2.3", r.version)
	}
	targets, err := targets(r.in)
	if err != nil {
		return err
	}
	modules, err := moduleDirs(r.root)
	if err != nil {
		return err
	}
	if err := os.RemoveAll(r.out); err != nil {
		return err
	}
	if err := os.MkdirAll(r.out, 0o755); err != nil { //nolint:gosec // for everybody
		return err
	}
	for _, t := range targets {
		if err := pack(r, t, modules); err != nil {
			return fmt.Errorf("%s: %w", t, err)
		}
	}
	return writeSums(r.out)
}

// A target is a system and an architecture.
type target struct{ os, arch string }

func (t target) String() string { return t.os + "_" + t.arch }

func targets(dir string) ([]target, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var all []target
	for _, e := range entries {
		if system, arch, ok := strings.Cut(e.Name(), "_"); ok && e.IsDir() {
			all = append(all, target{system, arch})
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s has no directory of a system, such as linux_amd64", dir)
	}
	return all, nil
}

// pack writes all that is published for one target.
func pack(r *release, t target, modules map[string]string) error {
	programs, err := filepath.Glob(filepath.Join(r.in, t.String(), "vz*"))
	if err != nil {
		return err
	}
	slices.Sort(programs)
	parts, err := partsOf(filepath.Join(r.in, t.String()), programs)
	if err != nil {
		return err
	}
	licenses, err := licenseText(parts, modules)
	if err != nil {
		return err
	}
	files, err := layout(r, t, programs, licenses)
	if err != nil {
		return err
	}
	if err := writeArchive(r, t, files); err != nil {
		return err
	}
	if err := writeBOM(r, t, parts); err != nil {
		return err
	}
	if t.os == "linux" {
		return writeDeb(r, t, files)
	}
	return nil
}

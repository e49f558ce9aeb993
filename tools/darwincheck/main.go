// Command darwincheck type-checks packages as they are on a Mac, on any system: their
// files for darwin/arm64 and darwin/amd64, tests included, with whatever they import
// read from source. It needs neither a C compiler nor Apple's headers; of C it believes
// everything.
//
//	darwincheck ./vzcore/... ./vzcli/...   in a directory of the workspace
//	darwincheck -tags vzmac ./...          also files with that tag
//
// It prints each mistake as FILE:LINE:COLUMN: MESSAGE and fails if there is one, or if
// it saw no package of the workspace, or none that has a file for darwin alone.
package main

import (
	_ "embed" // the manual
	"flag"
	"fmt"
	"io"
	"os"
	"sync"

	"vz.internal/tools/internal/manual"
)

//go:embed main.go
var source string

// arches are those that Macs have.
var arches = []string{"arm64", "amd64"}

func main() {
	tags := flag.String("tags", "", "build `tags`, separated by commas")
	manual.ForFlags(source)
	flag.Parse()
	if flag.NArg() == 0 {
		flag.Usage()
		os.Exit(2)
	}
	if !run(os.Stdout, os.Stderr, ".", *tags, flag.Args()) {
		os.Exit(1)
	}
}

// run checks the packages for each architecture and tells whether all is well.
func run(stdout, stderr io.Writer, dir, tags string, patterns []string) bool {
	results := make([]result, len(arches))
	var wait sync.WaitGroup
	for i, arch := range arches {
		wait.Go(func() { results[i] = check(dir, arch, tags, patterns) })
	}
	wait.Wait()
	ok := true
	seen := map[string]bool{}
	for i, r := range results {
		for _, m := range r.mistakes {
			if !seen[m] { // the same on both architectures
				fmt.Fprintln(stdout, m)
			}
			seen[m] = true
		}
		switch {
		case r.err != nil:
			fmt.Fprintf(stderr, "darwincheck: darwin/%s: %v\n", arches[i], r.err)
		case r.packages == 0:
			fmt.Fprintf(stderr, "darwincheck: darwin/%s: no package of the workspace matches %q\n", arches[i], patterns)
		case r.files == 0:
			fmt.Fprintf(stderr, "darwincheck: darwin/%s: no file is for darwin alone: is this the right directory?\n", arches[i])
		default:
			fmt.Fprintf(stderr, "darwincheck: darwin/%s: %d packages, %d files for darwin alone, %d mistakes\n", arches[i], r.packages, r.files, len(r.mistakes))
		}
		ok = ok && r.err == nil && r.packages > 0 && r.files > 0 && len(r.mistakes) == 0
	}
	return ok
}

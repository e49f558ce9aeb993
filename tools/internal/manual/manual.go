// Package manual shows a tool's package comment, which is its manual page, for -h.
package manual

import (
	"flag"
	"fmt"
	"go/parser"
	"go/token"
)

// Text returns the package comment of a Go file.
func Text(source string) string {
	file, err := parser.ParseFile(token.NewFileSet(), "main.go", source, parser.PackageClauseOnly|parser.ParseComments)
	if err != nil || file.Doc == nil {
		return ""
	}
	return file.Doc.Text()
}

// ForFlags makes -h of the command line print the package comment of source, which
// is the tool's main.go, and the flags.
func ForFlags(source string) {
	flag.Usage = func() {
		fmt.Fprintf(flag.CommandLine.Output(), "%s\nFlags:\n", Text(source))
		flag.PrintDefaults()
	}
}

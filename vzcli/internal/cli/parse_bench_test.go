package cli

import (
	"io"
	"testing"

	"vz.internal/vzcli/internal/command"
)

// BenchmarkParseRun is what a `vz run` pays for its command line.
func BenchmarkParseRun(b *testing.B) {
	for b.Loop() {
		env := &command.Env{Stdout: io.Discard, Stderr: io.Discard, Commands: table()}
		cmd, rest, err := find(env, []string{"run", "--rm", "-e", "A=b", "-v", "/a:/b", "--network", "none", "busybox", "true"})
		if err != nil {
			b.Fatal(err)
		}
		parser, err := newParser(env, cmd, cmd.New(), new(late))
		if err != nil {
			b.Fatal(err)
		}
		if _, err := parser.Parse(normalize(parser.Model, rest)); err != nil {
			b.Fatal(err)
		}
	}
}

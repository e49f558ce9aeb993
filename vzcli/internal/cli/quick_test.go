package cli

import (
	"io"
	"reflect"
	"strings"
	"testing"

	"vz.internal/vzcli/internal/command"
)

// TestQuickIsKong gives every flag of every verb to both parsers: what quick
// parses, kong parses to the same.
func TestQuickIsKong(t *testing.T) {
	env := &command.Env{Stdout: io.Discard, Stderr: io.Discard, Commands: table()}
	took := map[string]int{}
	compare := func(t *testing.T, cmd command.Command, args []string) {
		t.Helper()
		got, gotLate := cmd.New(), new(late)
		if !quick(got, gotLate, args) {
			return
		}
		took[cmd.Name]++
		want, wantLate := cmd.New(), new(late)
		parser, err := newParser(env, cmd, want, wantLate)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parser.Parse(normalize(parser.Model, args)); err != nil {
			t.Fatalf("%s %q: quick accepts what kong refuses: %v", cmd.Name, args, err)
		}
		if !reflect.DeepEqual(got, want) || *gotLate != *wantLate {
			t.Fatalf("%s %q:\nquick %+v %+v\nkong  %+v %+v", cmd.Name, args, got, gotLate, want, wantLate)
		}
	}
	for _, cmd := range env.Commands {
		parser, err := newParser(env, cmd, cmd.New(), new(late))
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, f := range parser.Model.Flags {
			names = append(names, "--"+f.Name)
			for _, a := range f.Aliases {
				names = append(names, "--"+a)
			}
			if f.Short != 0 {
				names = append(names, "-"+string(f.Short))
			}
		}
		names = append(names, "-it", "-", "--", "--none-such", "-Z", "--NAME")
		for _, name := range names {
			for _, shape := range []string{
				"@ v w x", "@=v w x", "@= w", "@ v @ u w", "@=v @=u w", "@ v", "@", "w @ v", "@ w -- x", "@ -x w", "@ a,b w --y", "@=a=b w",
				"--json @ v w", "@ 1 w", "@=false w", "@ @ w x",
			} {
				compare(t, cmd, strings.Fields(strings.ReplaceAll(shape, "@", name)))
			}
		}
		compare(t, cmd, nil)
		compare(t, cmd, []string{""})
		compare(t, cmd, []string{"--name", "", "w"})
	}
	for _, name := range []string{"run", "create", "exec"} {
		if took[name] < 50 {
			t.Errorf("quick parses only %d command lines of %s", took[name], name)
		}
	}
}

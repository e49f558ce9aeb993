package manual

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"vz.internal/vzcli/internal/cli"
	"vz.internal/vzcli/internal/command"
)

// Pages returns the manual pages of all programs by file name, "vz-run.1".
func Pages(version string) (map[string]string, error) {
	pages := map[string]string{}
	for _, p := range programs() {
		pages[pageName(p.Name)+".1"] = programPage(p, version)
		for _, c := range listed(p) {
			text, err := commandPage(p, c, version)
			if err != nil {
				return nil, fmt.Errorf("%s %s: %w", p.Name, c.Name, err)
			}
			pages[pageName(p.Name+" "+c.Name)+".1"] = text
		}
	}
	return pages, nil
}

func pageName(name string) string { return strings.ReplaceAll(name, " ", "-") }

func programPage(p command.Program, version string) string {
	var r roff
	r.title(pageName(p.Name), version)
	about := p.Overview
	if about == "" {
		about = "Run containers from OCI images."
	}
	r.section("NAME")
	fmt.Fprintf(&r.b, "%s \\- %s\n", escape(p.Name), escape(about))
	r.section("SYNOPSIS")
	r.paragraph(p.Name + " [flags] COMMAND [arguments]")
	r.section("COMMANDS")
	for _, c := range listed(p) {
		r.term(pageName(p.Name+" "+c.Name)+"(1)", c.Help)
	}
	if p.Name == "vz" {
		r.section("COMPANIONS")
		companions := cli.Companions()
		for _, name := range slices.Sorted(maps.Keys(companions)) {
			r.term("vz "+name, companions[name])
		}
	}
	r.section("GLOBAL FLAGS")
	flags := p.FlagHelp
	if flags == "" {
		flags = cli.GlobalHelp
	}
	r.verbatim(strings.Trim(flags, "\n"))
	r.section("EXIT STATUS")
	for _, code := range [][2]string{
		{"0-255", "That of the workload, for commands that run one; 128+n when signal n ended it."},
		{"125", "vz could not do what was asked; the reason is on stderr. Commands without a workload exit with 1."},
		{"126", "The program exists but cannot be executed."},
		{"127", "The program was not found in the container."},
		{"2", "Wrong usage."},
	} {
		r.term(code[0], code[1])
	}
	r.section("ENVIRONMENT")
	r.term("VZ_HOME", "Directory of state; /var/lib/vz for root.")
	r.term("VZ_RUN", "Directory of sockets and locks; /run/vz for root.")
	r.term("VZ_BACKEND", "Where containers run: auto, native or vm.")
	r.term("VZ_LIBEXEC", "Directory of the programs that belong to vz, when they are not beside it.")
	return r.b.String()
}

func commandPage(p command.Program, c command.Command, version string) (string, error) {
	model, err := cli.Grammar(p, c)
	if err != nil {
		return "", err
	}
	name := p.Name + " " + c.Name
	var r roff
	r.title(pageName(name), version)
	r.section("NAME")
	fmt.Fprintf(&r.b, "%s \\- %s\n", escape(pageName(name)), escape(c.Help))
	r.section("SYNOPSIS")
	r.paragraph(strings.TrimSpace(name + " " + strings.TrimSpace(strings.TrimPrefix(model.Summary(), name))))
	if len(c.Aliases) > 0 {
		r.paragraph("Also: " + p.Name + " " + strings.Join(c.Aliases, ", "+p.Name+" "))
	}
	if len(model.Positional) > 0 {
		r.section("ARGUMENTS")
		for _, a := range model.Positional {
			r.term(a.Summary(), a.Help)
		}
	}
	r.section("OPTIONS")
	for _, f := range model.Flags {
		if !f.Hidden {
			r.term(flagTerm(f), f.Help)
		}
	}
	r.section("SEE ALSO")
	r.paragraph(pageName(p.Name) + "(1)")
	return r.b.String(), nil
}

// flagTerm is "-e, --env=KEY[=VALUE]".
func flagTerm(f *kong.Flag) string {
	term := "--" + f.Name
	if f.Tag.Negatable != "" {
		term = "--[no-]" + f.Name
	}
	if f.Short != 0 {
		term = "-" + string(f.Short) + ", " + term
	}
	if !f.IsBool() && !f.IsCounter() {
		term += "=" + f.FormatPlaceHolder()
	}
	return term
}

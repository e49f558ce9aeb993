package manual

import (
	"fmt"
	"strings"
)

// Reference returns the page that holds the help of every program and command.
func Reference() (string, error) {
	var b strings.Builder
	b.WriteString("# Commands\n\n" +
		"Every command with its flags, as `--help` prints them. This page is written by `make generate`, and `make check`\n" +
		"compares it with the programs.\n")
	for _, p := range programs() {
		text, err := help(p)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&b, "\n## %s\n\n```text\n%s```\n", p.Name, text)
		for _, c := range listed(p) {
			text, err := help(p, strings.Fields(c.Name)...)
			if err != nil {
				return "", err
			}
			fmt.Fprintf(&b, "\n### %s %s\n\n```text\n%s```\n", p.Name, c.Name, text)
		}
	}
	return b.String(), nil
}

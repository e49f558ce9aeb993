package command

import (
	"errors"
	"fmt"
	"strings"

	"vz.internal/vzcli/internal/output"
	"vz.internal/vzcontract"
)

// KeyValues reads KEY=VALUE words of a flag.
func KeyValues(flag string, words []string) (map[string]string, error) {
	var m map[string]string
	for _, w := range words {
		key, value, ok := strings.Cut(w, "=")
		if !ok || key == "" {
			return nil, Usagef("--%s %s: want KEY=VALUE", flag, w)
		}
		if m == nil {
			m = map[string]string{}
		}
		m[key] = value
	}
	return m, nil
}

// PrintReport prints what a prune removed and freed.
func PrintReport(env *Env, report vzcontract.PruneReport) error {
	var errs []error
	for _, name := range report.Removed {
		_, err := fmt.Fprintln(env.Stdout, name)
		errs = append(errs, err)
	}
	_, err := fmt.Fprintf(env.Stdout, "Total reclaimed space: %s\n", output.Size(report.Freed))
	return errors.Join(append(errs, err)...)
}

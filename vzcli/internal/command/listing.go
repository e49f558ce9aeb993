package command

import "vz.internal/vzcli/internal/output"

// Listing joins a listing's own flags with --json.
func (e *Env) Listing(format string, quiet bool) output.Options {
	if format == "" && e.Globals.JSON {
		format = "json"
	}
	return output.Options{Format: format, Quiet: quiet}
}

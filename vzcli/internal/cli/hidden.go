package cli

// part runs args where they name a part that vz plays for itself; such a part
// has streams, signals and exit codes of its own.
func part(args []string) (code int, ok bool) {
	name := ""
	if len(args) > 0 {
		name = args[0]
		args = args[1:]
	}
	if name == "internal" && len(args) > 0 {
		name += " " + args[0]
		args = args[1:]
	}
	f := parts[name]
	if f == nil {
		return 0, false
	}
	return f(args), true
}

package base

import "vz.internal/vzcontract"

// A Policy says which bases may be used.
type Policy struct {
	AllowUnpinned bool // somebody asked for it
	CI            bool // nobody watches
	AllowInCI     bool // somebody decided it for that too
}

// AllowInCI is the variable that allows unpinned bases where CI is set; its value is 1.
const AllowInCI = "VZ_ALLOW_UNPINNED_IN_CI"

// PolicyOf returns the policy of an environment; getenv is os.Getenv.
func PolicyOf(getenv func(string) string, allowUnpinned bool) Policy {
	ci := getenv("CI")
	return Policy{AllowUnpinned: allowUnpinned, CI: ci != "" && ci != "false" && ci != "0", AllowInCI: getenv(AllowInCI) == "1"}
}

// Unpinned returns an error that matches vzcontract.ErrDenied unless an image whose
// bytes nothing vouches for may be used. What names it.
func (p Policy) Unpinned(what string) error {
	switch {
	case !p.AllowUnpinned:
		return vzcontract.Errorf(vzcontract.ErrDenied, "%s is unpinned: nothing says what its bytes must be; pin its sha256 in a file for --bases, or allow it with --allow-unpinned", what)
	case p.CI && !p.AllowInCI:
		return vzcontract.Errorf(vzcontract.ErrDenied, "%s is unpinned, and this is CI (the variable CI is set), where --allow-unpinned is not enough: pin its sha256, or set %s=1 too", what, AllowInCI)
	}
	return nil
}

// Check returns an error that matches vzcontract.ErrDenied for a base that may not be
// used.
func (p Policy) Check(b Base) error {
	if b.Support == Withdrawn {
		return vzcontract.Errorf(vzcontract.ErrDenied, "base %s is withdrawn; use %s", b.ID, b.Replacement)
	}
	if b.Pinned() {
		return nil
	}
	return p.Unpinned("base " + b.ID)
}

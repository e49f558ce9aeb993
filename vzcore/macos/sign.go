package macos

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"howett.net/plist"

	"vz.internal/vzcontract"
)

// Entitlements that programs are signed with.
const (
	Virtualization = "com.apple.security.virtualization"
	// Bridged is for bridged networks. Apple grants it to developers on request; a program
	// that has it without such a profile is killed when it starts.
	Bridged = "com.apple.vm.networking"
)

// A Run runs a program of the host and returns what it prints to stdout; its error has
// what it prints to stderr.
type Run func(ctx context.Context, program string, args ...string) ([]byte, error)

// Entitlements returns the property list of what programs are signed with.
func Entitlements(bridged bool) ([]byte, error) {
	all := map[string]bool{Virtualization: true}
	if bridged {
		all[Bridged] = true
	}
	return plist.MarshalIndent(all, plist.XMLFormat, "\t")
}

// Sign signs programs in place with codesign, for use on this Mac with the identity "-",
// and makes sure that each has the entitlements then. Nil run, as on all systems but
// macOS, is an error that matches vzcontract.ErrUnsupported.
func (run Run) Sign(ctx context.Context, identity string, entitlements []byte, programs []string) error {
	if run == nil {
		return vzcontract.Errorf(vzcontract.ErrUnsupported, "sign %s: codesign is a program of macOS, and only there programs need it", strings.Join(programs, ", "))
	}
	var want map[string]bool
	if _, err := plist.Unmarshal(entitlements, &want); err != nil || !want[Virtualization] {
		return vzcontract.Errorf(vzcontract.ErrValidation, "the entitlements are no property list with %s", Virtualization)
	}
	dir, err := os.MkdirTemp("", "vz-sign-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "vz.entitlements")
	if err := os.WriteFile(file, entitlements, 0o600); err != nil {
		return err
	}
	for _, program := range programs {
		if _, err := run(ctx, "codesign", "--force", "--sign", identity, "--entitlements", file, program); err != nil {
			return fmt.Errorf("sign %s: %w", program, err)
		}
		if _, err := run(ctx, "codesign", "--verify", "--strict", program); err != nil {
			return fmt.Errorf("check the signature of %s: %w", program, err)
		}
		if err := run.signed(ctx, program, want); err != nil {
			return err
		}
	}
	return nil
}

// Signed returns an error unless the program has the entitlement that machines need.
func (run Run) Signed(ctx context.Context, program string) error {
	return run.signed(ctx, program, map[string]bool{Virtualization: true})
}

func (run Run) signed(ctx context.Context, program string, want map[string]bool) error {
	out, err := run(ctx, "codesign", "-d", "--entitlements", "-", "--xml", program)
	if err != nil {
		return fmt.Errorf("read the signature of %s: %w", program, err)
	}
	var have map[string]any
	if len(out) > 0 { // nothing is printed for none
		if _, err := plist.Unmarshal(out, &have); err != nil {
			return fmt.Errorf("read the signature of %s: %w", program, err)
		}
	}
	var errs []error
	for name := range want {
		if have[name] != true {
			errs = append(errs, vzcontract.Errorf(vzcontract.ErrDenied, "%s has no entitlement %s", program, name))
		}
	}
	return errors.Join(errs...)
}

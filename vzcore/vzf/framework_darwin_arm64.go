package vzf

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/Code-Hex/vz/v3"
	"golang.org/x/sys/unix"
)

// An apple is Virtualization.framework.
type apple struct{}

func virtualization() (framework, error) { return apple{}, nil }

func (apple) version() (string, error) {
	product, err := unix.Sysctl("kern.osproductversion")
	if err != nil {
		return "", fmt.Errorf("ask for macOS's version: %w", err)
	}
	build, err := unix.Sysctl("kern.osversion")
	if err != nil {
		return "", fmt.Errorf("ask for macOS's build: %w", err)
	}
	return fmt.Sprintf("%s (%s)", product, build), nil
}

func (apple) release() (int, error) {
	product, err := unix.Sysctl("kern.osproductversion")
	if err != nil {
		return 0, fmt.Errorf("ask for macOS's version: %w", err)
	}
	major, _, _ := strings.Cut(product, ".")
	return strconv.Atoi(major)
}

func (apple) nested() bool { return vz.IsNestedVirtualizationSupported() }

func (apple) open(p plan, cable *os.File) (guest, error) {
	cfg, identity, err := translate(p, cable)
	if err != nil {
		return nil, translateError(err)
	}
	vm, err := vz.NewVirtualMachine(cfg)
	if err != nil {
		return nil, translateError(err)
	}
	return &appleGuest{vm, cfg, identity}, nil
}

package vzsandbox

import (
	"archive/tar"
	"bytes"
	"errors"
	"testing"

	"vz.internal/vzcontract"
)

// TestOnlyFileOfADevice reads what comes of a device or pipe: an archive of nothing.
func TestOnlyFileOfADevice(t *testing.T) {
	var archive bytes.Buffer
	if err := tar.NewWriter(&archive).Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := onlyFile(&archive, "/dev/zero", 1); !errors.Is(err, vzcontract.ErrValidation) {
		t.Errorf("error = %v, want one of class %v", err, vzcontract.ErrValidation)
	}
}

//go:build linux

package vzlinuxnative_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"vz.internal/vzcontract"
	"vz.internal/vzlinuxnative"
)

// A backend needs two directories. Callers branch on the sentinels of vzcontract.
func ExampleOpen() {
	dir, err := os.MkdirTemp("", "native")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	b, err := vzlinuxnative.Open(vzlinuxnative.Options{Home: filepath.Join(dir, "home"), Run: filepath.Join(dir, "run")})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer b.Close()
	_, err = b.Inspect(context.Background(), "nobody")
	fmt.Println(b.BackendName(), b.Isolation(), errors.Is(err, vzcontract.ErrNotFound))
	_, err = vzlinuxnative.Open(vzlinuxnative.Options{Home: "relative", Run: "run"})
	fmt.Println(errors.Is(err, vzcontract.ErrValidation))
	// Output:
	// linux-native container true
	// true
}

package sandboxtest_test

import (
	"testing"

	"vz.internal/vzcontract"
	"vz.internal/vzcontract/fake"
	"vz.internal/vzsandbox"
	"vz.internal/vzsandbox/sandboxtest"
)

func TestFake(t *testing.T) {
	sandboxtest.Run(t, sandboxtest.Config{
		New: func(t *testing.T) vzcontract.RuntimeBackend {
			b := fake.New()
			t.Cleanup(func() { _ = b.Close() })
			return b
		},
		Template: func(*testing.T) vzsandbox.Template { return vzsandbox.Template{Image: fake.Builtin} },
	})
}

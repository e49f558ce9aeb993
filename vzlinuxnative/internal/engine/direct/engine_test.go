//go:build linux

package direct

import (
	"testing"

	_ "github.com/opencontainers/cgroups/devices" // device rules

	"vz.internal/vzlinuxnative/internal/engine"
	"vz.internal/vzlinuxnative/internal/engine/enginetest"
	"vz.internal/vzlinuxnative/internal/testreq"
)

func TestEngine(t *testing.T) {
	testreq.Root(t)
	enginetest.Run(t, func(*testing.T) engine.Engine { return New(nil) })
}

func BenchmarkStart(b *testing.B) {
	testreq.Root(b)
	root := enginetest.Root(b)
	e := New(nil)
	for b.Loop() {
		spec := enginetest.Spec(root, "true")
		spec.Linux.CgroupsPath = "/vztest/bench"
		c, err := e.Create(b.Context(), engine.CreateRequest{ID: "bench", Spec: spec})
		if err != nil {
			b.Fatal(err)
		}
		if err := c.Start(b.Context()); err != nil {
			b.Fatal(err)
		}
		if _, err := c.Wait(); err != nil {
			b.Fatal(err)
		}
		if err := c.Destroy(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

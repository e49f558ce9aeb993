//go:build linux

package libct

import (
	"testing"

	"vz.internal/vzlinuxnative/internal/engine"
	"vz.internal/vzlinuxnative/internal/engine/enginetest"
	"vz.internal/vzlinuxnative/internal/testreq"
)

func TestEngine(t *testing.T) {
	testreq.Root(t)
	enginetest.Run(t, func(*testing.T) engine.Engine { return New() })
}

package monitor

import (
	"context"

	"vz.internal/vzcontract"
)

// hasHealthCheck reports whether there is a check and it is not switched off.
func hasHealthCheck(h *vzcontract.HealthCheck) bool {
	return h != nil && len(h.Test) > 0 && h.Test[0] != "NONE"
}

func (m *monitor) health(context.Context, *run, vzcontract.HealthCheck) {}

package vzlinuxnative

import (
	"context"

	"vz.internal/vzcontract"
)

// Logs implements vzcontract.Logger.
func (b *Backend) Logs(ctx context.Context, ref string, opts vzcontract.LogOptions, emit func(vzcontract.LogEntry) error) error {
	return failure("logs", ref, vzcontract.ErrUnsupported)
}

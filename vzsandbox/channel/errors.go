package channel

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"vz.internal/vzcontract"
)

// ErrProtocol is matched when the other side has broken the rules of the protocol.
// The connection has ended then.
var ErrProtocol = errors.New("protocol violation")

func violation(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrProtocol, fmt.Sprintf(format, args...))
}

// An Error is a request that the other side did not do, as it crossed the wire. It
// matches the sentinel of its code with errors.Is, vzcontract.ErrInternal if the code
// is unknown. Both fields are what the other side chose to say.
type Error struct {
	Code    vzcontract.Code `json:"code"`
	Message string          `json:"message"`
}

// Error implements error.
func (e *Error) Error() string { return e.Message }

// Unwrap returns the sentinel of the code.
func (e *Error) Unwrap() error { return vzcontract.SentinelOf(e.Code) }

// maxMessage is where the text of an error is cut, in bytes.
const maxMessage = 64 << 10

func wireError(err error) *Error {
	code := vzcontract.CodeOf(err)
	if errors.Is(err, context.DeadlineExceeded) {
		code = vzcontract.CodeTimeout
	}
	text := err.Error()
	if len(text) > maxMessage {
		text = strings.ToValidUTF8(text[:maxMessage], "") + "…"
	}
	return &Error{Code: code, Message: text}
}

// failureFrame is the answer to a request that failed.
func failureFrame(id uint64, failure error) []byte {
	f, _, err := valueFrame(kindAnswer, id, "error", wireError(failure))
	if err != nil {
		panic(err) // two strings, and maxMessage is far from MaxFrame
	}
	return f
}

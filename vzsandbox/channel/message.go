package channel

import (
	"bytes"
	"encoding/json"
	"strconv"
)

// The kinds of frames; the package comment shows each.
const (
	kindHello   = "hello"
	kindRequest = "request"
	kindCancel  = "cancel"
	kindAnswer  = "answer"
)

// prefixes are how the frames of each kind with a value begin; the id follows.
var prefixes = map[string]string{
	kindRequest: `{"kind":"request","id":`,
	kindAnswer:  `{"kind":"answer","id":`,
}

type message struct {
	Kind   string          `json:"kind"`
	ID     uint64          `json:"id"`
	Window int             `json:"window"`
	Body   json.RawMessage `json:"body"`
	Error  *Error          `json:"error"`
}

// parseMessage checks all that can be told from one frame alone. The message may hold
// on to payload.
func parseMessage(payload []byte) (message, error) {
	if m, ok := parsePlain(payload); ok {
		return m, nil
	}
	return parseAny(payload)
}

func parseAny(payload []byte) (message, error) {
	var m message
	if err := json.Unmarshal(payload, &m); err != nil {
		return m, violation("a frame of %d bytes is no message: %v", len(payload), err)
	}
	switch m.Kind {
	case kindHello:
		if m.Window < 1 {
			return m, violation("hello announces a window of %d, at least 1 is needed", m.Window)
		}
		return m, nil
	case kindRequest:
		if m.Body == nil {
			return m, violation("request %d has no body", m.ID)
		}
	case kindAnswer:
		if (m.Body == nil) == (m.Error == nil) {
			return m, violation("answer %d has not exactly one of body and error", m.ID)
		}
	case kindCancel:
	default:
		return m, violation("the kind %.40q of a frame is unknown", m.Kind)
	}
	if m.ID == 0 {
		return m, violation("%s has no id", m.Kind)
	}
	return m, nil
}

// parsePlain does what parseMessage does, but only for requests and answers that are
// written as this package writes them, and several times as fast.
func parsePlain(payload []byte) (message, bool) {
	for _, kind := range []string{kindRequest, kindAnswer} {
		rest, ok := bytes.CutPrefix(payload, []byte(prefixes[kind]))
		if !ok {
			continue
		}
		digits, rest, _ := bytes.Cut(rest, []byte(`,"body":`))
		body, closed := bytes.CutSuffix(rest, []byte("}"))
		id, err := strconv.ParseUint(string(digits), 10, 64)
		if err != nil || digits[0] == '0' || !closed || !json.Valid(body) {
			return message{}, false
		}
		return message{Kind: kind, ID: id, Body: bytes.TrimSpace(body)}, true
	}
	return message{}, false
}

package sandbox

import (
	"encoding/base64"
	"unicode/utf8"

	"vz.internal/vzsandbox"
)

// A result is what exec --json prints: exactly one, when the command ran, whatever its
// exit code.
type result struct {
	ExitCode int `json:"exitCode"` // 128+signal after one
	Signal   int `json:"signal,omitempty"`
	// Encoding of both streams is "utf-8", or "base64" when one of them is no UTF-8.
	Encoding        string  `json:"encoding"`
	Stdout          string  `json:"stdout"`
	Stderr          string  `json:"stderr"`
	StdoutTruncated bool    `json:"stdoutTruncated,omitempty"`
	StderrTruncated bool    `json:"stderrTruncated,omitempty"`
	TimedOut        bool    `json:"timedOut,omitempty"`
	OOMKilled       bool    `json:"oomKilled,omitempty"`
	TookMs          float64 `json:"tookMs"`
}

func newResult(r vzsandbox.Result) result {
	out := result{
		ExitCode: r.Exit.Code, Signal: r.Exit.Signal, OOMKilled: r.Exit.OOMKilled, TimedOut: r.TimedOut, TookMs: milliseconds(r.Took),
		StdoutTruncated: r.StdoutTruncated, StderrTruncated: r.StderrTruncated,
	}
	stdout, stderr := r.Stdout, r.Stderr
	if r.StdoutTruncated {
		stdout = whole(stdout)
	}
	if r.StderrTruncated {
		stderr = whole(stderr)
	}
	out.Encoding, out.Stdout, out.Stderr = "utf-8", string(stdout), string(stderr)
	if !utf8.Valid(stdout) || !utf8.Valid(stderr) {
		out.Encoding = "base64"
		out.Stdout, out.Stderr = base64.StdEncoding.EncodeToString(r.Stdout), base64.StdEncoding.EncodeToString(r.Stderr)
	}
	return out
}

// whole leaves out the beginning of a character at the end, where a stream was cut.
func whole(b []byte) []byte {
	for n := 1; n < utf8.UTFMax && n <= len(b); n++ {
		if tail := b[len(b)-n:]; utf8.RuneStart(tail[0]) {
			if !utf8.FullRune(tail) {
				return b[:len(b)-n]
			}
			break
		}
	}
	return b
}

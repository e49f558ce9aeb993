//go:build !linux || nocontainers

package main

import (
	"log/slog"

	"vz.internal/vzlinux/internal/agent"
)

func monitor([]string) (code int, is bool) { return 0, false }

func containers(*slog.Logger) (*agent.Containers, error) { return nil, nil }

func networkCards() agent.Cards { return nil }

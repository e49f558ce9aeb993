package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcontract"
)

// report prints err for people, or as JSON, and returns the exit code.
func report(env *command.Env, cmd command.Command, err error) int {
	if cause := context.Cause(env.Ctx); err != nil && cause != nil && errors.Is(err, context.Canceled) {
		err = cause
	}
	code := exitCode(cmd, err)
	var exit command.ExitError
	if err == nil || errors.As(err, &exit) {
		return code
	}
	if env.Globals.JSON {
		w := env.Stdout
		if cmd.Workload {
			w = env.Stderr
		}
		_ = json.NewEncoder(w).Encode(machineError(err)) // nowhere left to report to
		return code
	}
	for _, line := range lines(err) {
		fmt.Fprintln(env.Stderr, "vz: "+line)
	}
	return code
}

// exitCode is the one place that turns an error into an exit code.
func exitCode(cmd command.Command, err error) int {
	var (
		exit        command.ExitError
		usage       *command.UsageError
		interrupted *command.Interrupted
	)
	switch {
	case err == nil:
		return command.CodeOK
	case errors.As(err, &exit):
		return int(exit)
	case errors.As(err, &usage):
		return command.CodeUsage
	case errors.As(err, &interrupted):
		return interrupted.ExitCode()
	case errors.Is(err, vzcontract.ErrOutputLost):
		return command.CodeOutputLost
	case cmd.Failures == command.FailPlain:
		return command.CodeFailure
	case errors.Is(err, vzcontract.ErrNoSuchProgram):
		return command.CodeNotFound
	case errors.Is(err, vzcontract.ErrCannotExec), cmd.Failures == command.FailExec && errors.Is(err, vzcontract.ErrValidation):
		return command.CodeCannotExec
	case cmd.Failures == command.FailRun:
		return command.CodeVZ
	}
	return command.CodeFailure
}

type machineReadable struct {
	Code    vzcontract.Code   `json:"code"`
	Message string            `json:"message"`
	Details map[string]string `json:"details,omitempty"`
}

func machineError(err error) machineReadable {
	m := machineReadable{Code: vzcontract.CodeOf(err), Message: strings.Join(lines(err), "; ")}
	var usage *command.UsageError
	if errors.As(err, &usage) {
		m.Code = vzcontract.CodeValidation
	}
	var typed *vzcontract.Error
	if errors.As(err, &typed) {
		m.Details = map[string]string{"operation": typed.Op}
		if typed.Kind != "" {
			m.Details["kind"] = typed.Kind
		}
		if typed.Name != "" {
			m.Details["name"] = typed.Name
		}
	}
	return m
}

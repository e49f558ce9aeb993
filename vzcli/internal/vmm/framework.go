package vmm

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"time"

	"vz.internal/vzcontract"
	"vz.internal/vzcore/config"
	"vz.internal/vzcore/macos"
)

// A frameworkRequest is one call of macos.Framework, as a line of JSON on stdin.
type frameworkRequest struct {
	Do      string         `json:"do"` // latest, requirements, identify or install
	Path    string         `json:"path,omitempty"`
	Model   []byte         `json:"model,omitempty"`
	Machine *config.Config `json:"machine,omitempty"`
}

// A frameworkAnswer is a line on stdout: some with Progress, then one without.
type frameworkAnswer struct {
	Progress     *float64           `json:"progress,omitempty"`
	Code         vzcontract.Code    `json:"code,omitempty"` // of a failure
	Message      string             `json:"message,omitempty"`
	URL          string             `json:"url,omitempty"`
	Requirements macos.Requirements `json:"requirements,omitzero"`
	MachineID    []byte             `json:"machine_id,omitempty"`
}

// endTime is how long a call may take to end after it was interrupted.
const endTime = 30 * time.Second

// Framework is Virtualization.framework in another program, such as vz-vmm, that is signed
// for it and calls [ServeFramework]: once for each call.
type Framework struct {
	Program string
	Args    []string
}

var _ macos.Framework = Framework{}

// Latest implements macos.Framework.
func (f Framework) Latest(ctx context.Context) (string, error) {
	a, err := f.call(ctx, frameworkRequest{Do: "latest"}, nil)
	return a.URL, err
}

// Requirements implements macos.Framework.
func (f Framework) Requirements(ctx context.Context, path string) (macos.Requirements, error) {
	a, err := f.call(ctx, frameworkRequest{Do: "requirements", Path: path}, nil)
	return a.Requirements, err
}

// Identify implements macos.Framework.
func (f Framework) Identify(ctx context.Context, model []byte, path string) ([]byte, error) {
	a, err := f.call(ctx, frameworkRequest{Do: "identify", Model: model, Path: path}, nil)
	return a.MachineID, err
}

// Install implements macos.Framework. The installation ends with this process.
func (f Framework) Install(ctx context.Context, machine config.Config, path string, progress func(float64)) error {
	_, err := f.call(ctx, frameworkRequest{Do: "install", Machine: &machine, Path: path}, progress)
	return err
}

func (f Framework) call(ctx context.Context, req frameworkRequest, progress func(float64)) (frameworkAnswer, error) {
	var a frameworkAnswer
	cmd := exec.CommandContext(ctx, f.Program, f.Args...)
	in, err := cmd.StdinPipe()
	if err != nil {
		return a, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return a, err
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	cmd.Cancel, cmd.WaitDelay = in.Close, endTime // the end of its input ends the call
	if err := cmd.Start(); err != nil {
		return a, err
	}
	_ = json.NewEncoder(in).Encode(req) // if it does not read, it does not answer
	answered := false
	for lines := json.NewDecoder(out); ; {
		var line frameworkAnswer
		if lines.Decode(&line) != nil {
			break
		}
		if line.Progress == nil {
			a, answered = line, true
		} else if progress != nil {
			progress(*line.Progress)
		}
	}
	_ = in.Close()
	err = cmd.Wait()
	switch {
	case ctx.Err() != nil:
		return a, context.Cause(ctx)
	case !answered:
		return a, vzcontract.Errorf(vzcontract.ErrUnavailable, "%s did not answer (%v): %s", f.Program, err, strings.TrimSpace(stderr.String()))
	case a.Code != "":
		return a, vzcontract.Errorf(vzcontract.SentinelOf(a.Code), "%s", a.Message)
	}
	return a, nil
}

// ServeFramework does the call of [Framework] that comes from in, with what open opens. An
// installation takes one of the places of guests that run, see macos.Slot, in the directory
// slots. When in ends, so does the call.
func ServeFramework(ctx context.Context, open func() (macos.Framework, error), slots string, in io.Reader, out io.Writer) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var req frameworkRequest
	if err := json.NewDecoder(in).Decode(&req); err != nil {
		return fmt.Errorf("read the request: %w", err)
	}
	go func() {
		_, _ = io.Copy(io.Discard, in)
		cancel()
	}()
	answers := json.NewEncoder(out)
	a := frameworkAnswer{}
	f, err := open()
	if err == nil {
		a, err = req.do(ctx, f, slots, func(p float64) { _ = answers.Encode(frameworkAnswer{Progress: &p}) })
	}
	if err != nil {
		a = frameworkAnswer{Code: vzcontract.CodeOf(err), Message: err.Error()}
	}
	return answers.Encode(a)
}

func (r frameworkRequest) do(ctx context.Context, f macos.Framework, slots string, progress func(float64)) (a frameworkAnswer, err error) {
	switch {
	case r.Do == "latest":
		a.URL, err = f.Latest(ctx)
	case r.Do == "requirements":
		a.Requirements, err = f.Requirements(ctx, r.Path)
	case r.Do == "identify":
		a.MachineID, err = f.Identify(ctx, r.Model, r.Path)
	case r.Do == "install" && r.Machine != nil:
		slot, err := macos.Slot(slots, "an installation")
		if err != nil {
			return a, err
		}
		defer slot.Close()
		return a, f.Install(ctx, *r.Machine, r.Path, progress)
	default:
		err = vzcontract.Errorf(vzcontract.ErrUnsupported, "the request %q is not known", r.Do)
	}
	return a, err
}

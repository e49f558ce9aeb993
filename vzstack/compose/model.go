package compose

import (
	"bytes"
	"context"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/template"
	"go.yaml.in/yaml/v4"
)

// Model returns the merged files as they are written, for printing: variables
// stay as src says, and values keep the form that they have there.
func Model(ctx context.Context, src Source) (map[string]any, error) {
	options, err := cli.NewProjectOptions(src.Files, projectOptions(src)...)
	if err != nil {
		return nil, classify(err, src.Files, src.Dir)
	}
	model, err := options.LoadModel(ctx)
	if err != nil {
		return nil, classify(err, options.ConfigPaths, src.Dir)
	}
	return model, nil
}

// A Variable is one that the files ask for.
type Variable struct {
	Name string
	// DefaultValue is that of ${NAME:-value}, PresenceValue that of ${NAME:+value}.
	DefaultValue  string
	PresenceValue string
	Required      bool // ${NAME:?message}
}

// Variables returns the variables of the files by their names.
func Variables(ctx context.Context, src Source) (map[string]Variable, error) {
	src.NoInterpolate = true
	model, err := Model(ctx, src)
	if err != nil {
		return nil, err
	}
	found := map[string]Variable{}
	for name, v := range template.ExtractVariables(model, template.DefaultPattern) {
		found[name] = Variable{Name: v.Name, DefaultValue: v.DefaultValue, PresenceValue: v.PresenceValue, Required: v.Required}
	}
	return found, nil
}

// YAML writes a document with the given indentation.
func YAML(v any, indent int) ([]byte, error) {
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(indent)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return b.Bytes(), e.Close()
}

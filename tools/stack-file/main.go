// Reads stack files as the Pulumi engine does, for the tests to compare with (tests/infrastructure/test_reading.py).
//
// Standard input is a JSON list of {"project": text of Pulumi.yaml, "stack": text of Pulumi.<stack>.yaml}; standard
// output a list of the same length: {"config": {key: {"text": …, "object": …, "secure": …}}} or {"error": …}.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	pkgworkspace "github.com/pulumi/pulumi/pkg/v3/workspace"
	"github.com/pulumi/pulumi/sdk/v3/go/common/encoding"
	"github.com/pulumi/pulumi/sdk/v3/go/common/esc"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/config"
	"github.com/pulumi/pulumi/sdk/v3/go/common/workspace"
)

type input struct {
	Project string `json:"project"`
	Stack   string `json:"stack"`
}

type value struct {
	Text   string `json:"text"`
	Object bool   `json:"object"`
	Secure bool   `json:"secure"`
}

type output struct {
	Config map[string]value `json:"config,omitempty"`
	Error  string           `json:"error,omitempty"`
}

func main() {
	var inputs []input
	if err := json.NewDecoder(os.Stdin).Decode(&inputs); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	outputs := make([]output, len(inputs))
	for i, each := range inputs {
		found, err := read(each)
		if err != nil {
			outputs[i] = output{Error: err.Error()}
		} else {
			outputs[i] = output{Config: found}
		}
	}
	if err := json.NewEncoder(os.Stdout).Encode(outputs); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
}

func read(in input) (found map[string]value, err error) {
	// The engine panics on some files; that is its answer, too.
	defer func() {
		if reason := recover(); reason != nil {
			err = fmt.Errorf("panic: %v", reason)
		}
	}()
	project, err := workspace.LoadProjectBytes([]byte(in.Project), "Pulumi.yaml", encoding.YAML)
	if err != nil {
		return nil, err
	}
	stack, err := workspace.LoadProjectStackBytes(nil, project, []byte(in.Stack), "Pulumi.test.yaml", encoding.YAML)
	if err != nil {
		return nil, err
	}
	crypter := config.NopDecrypter
	err = pkgworkspace.ApplyProjectConfig(
		context.Background(), "test", project, esc.Value{}, stack.Config, config.NopEncrypter, crypter)
	if err != nil {
		return nil, err
	}
	found = map[string]value{}
	for key, each := range stack.Config {
		text, err := each.Value(crypter)
		if err != nil {
			return nil, err
		}
		found[key.String()] = value{Text: text, Object: each.Object(), Secure: each.Secure()}
	}
	return found, nil
}

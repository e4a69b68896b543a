package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// object is one Kubernetes object as it was read, with what is needed to tell what it is.
type object struct {
	metav1.TypeMeta `json:",inline"`
	raw             json.RawMessage
}

// objectList is what kubectl and the API server call a List; the latter leave their items' own
// types out.
type objectList struct {
	metav1.TypeMeta `json:",inline"`
	Items           []json.RawMessage `json:"items"`
}

// readObjects passes on each object of a stream of JSON values: objects one after another, or Lists
// of them.
func readObjects(from io.Reader, visit func(object) error) error {
	values := json.NewDecoder(bufio.NewReaderSize(from, 1<<20))
	for {
		var raw json.RawMessage
		if err := values.Decode(&raw); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if err := expand(raw, metav1.TypeMeta{}, visit); err != nil {
			return err
		}
	}
}

func expand(raw json.RawMessage, implied metav1.TypeMeta, visit func(object) error) error {
	var list objectList
	if err := json.Unmarshal(raw, &list); err != nil {
		return err
	}
	kind, isList := strings.CutSuffix(list.Kind, "List")
	if !isList {
		found := object{TypeMeta: list.TypeMeta, raw: raw}
		if found.Kind == "" {
			found.TypeMeta = implied
		}
		if found.Kind == "" {
			return fmt.Errorf("an object without a kind: %.200s", raw)
		}
		return visit(found)
	}
	if kind != "" {
		implied = metav1.TypeMeta{Kind: kind, APIVersion: list.APIVersion}
	}
	for _, item := range list.Items {
		if err := expand(item, implied, visit); err != nil {
			return err
		}
	}
	return nil
}

// readObjectFiles does so for a file, or for every JSON file under a folder in order of their names.
func readObjectFiles(path string, visit func(object) error) error {
	return filepath.WalkDir(path, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		switch filepath.Ext(name) {
		case ".json", ".jsonl", ".ndjson":
		default:
			if name != path {
				return nil
			}
		}
		file, err := os.Open(name)
		if err != nil {
			return err
		}
		defer file.Close()
		if err := readObjects(file, visit); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return nil
	})
}

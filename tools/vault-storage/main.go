// Does what a node of Vault does with its storage and its seal, through HashiCorp's own packages, and says
// after each step that it went well. The first that fails ends it, with AWS's reason.
//
//	vault-storage TABLE REGION KEY-ARN ENDPOINT
//
// Credentials come from the environment, as the AWS SDK reads them.
package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"
	wrapping "github.com/hashicorp/go-kms-wrapping/v2"
	"github.com/hashicorp/go-kms-wrapping/wrappers/awskms/v2"
	"github.com/hashicorp/vault/physical/dynamodb"
	"github.com/hashicorp/vault/sdk/physical"
)

const (
	entry  = "logical/mount/entry"
	folder = "logical/mount/"
	lock   = "core/lock"
	// How long a second node tries to take the lock from the active one.
	patience = 1500 * time.Millisecond
)

func main() {
	if len(os.Args) != 5 {
		fmt.Fprintln(os.Stderr, "usage: vault-storage TABLE REGION KEY-ARN ENDPOINT")
		os.Exit(2)
	}
	table, region, key, endpoint := os.Args[1], os.Args[2], os.Args[3], os.Args[4]
	storage(table, region, endpoint)
	seal(region, key, endpoint)
}

func storage(table, region, endpoint string) {
	ctx := context.Background()
	backend, err := dynamodb.NewDynamoDBBackend(map[string]string{
		"table": table, "region": region, "endpoint": endpoint, "ha_enabled": "true",
	}, hclog.NewNullLogger())
	step("start", err, true)
	value := []byte("encrypted by Vault already")
	step("put", backend.Put(ctx, &physical.Entry{Key: entry, Value: value}), true)
	found, err := backend.Get(ctx, entry)
	step("get", err, found != nil && bytes.Equal(found.Value, value))
	names, err := backend.List(ctx, folder)
	step("list", err, slices.Equal(names, []string{"entry"}))
	node := backend.(physical.HABackend)
	first, err := node.LockWith(lock, "first node")
	step("prepare the lock", err, node.HAEnabled())
	_, err = first.Lock(make(chan struct{}))
	step("lock", err, true)
	second, err := node.LockWith(lock, "second node")
	step("prepare a second node's lock", err, true)
	impatient := make(chan struct{})
	time.AfterFunc(patience, func() { close(impatient) })
	taken, err := second.Lock(impatient)
	step("keep the lock from a second node", err, taken == nil)
	step("unlock", first.Unlock(), true)
	held, _, err := second.Value()
	step("leave no lock", err, !held)
	step("delete", backend.Delete(ctx, entry), true)
	names, err = backend.List(ctx, folder)
	step("leave nothing", err, len(names) == 0)
}

func seal(region, key, endpoint string) {
	ctx := context.Background()
	wrapper := awskms.NewWrapper()
	_, err := wrapper.SetConfig(ctx, wrapping.WithConfigMap(map[string]string{
		"region": region, "kms_key_id": key, "endpoint": endpoint,
	}))
	step("find the key", err, true)
	rootKey := []byte("a root key of Vault's")
	sealed, err := wrapper.Encrypt(ctx, rootKey)
	step("seal", err, true)
	unsealed, err := wrapper.Decrypt(ctx, sealed)
	step("unseal", err, bytes.Equal(unsealed, rootKey))
}

func step(name string, err error, right bool) {
	if err != nil {
		fmt.Printf("%s: %s\n", name, strings.Join(strings.Fields(err.Error()), " "))
		os.Exit(1)
	}
	if !right {
		fmt.Printf("%s: not what was expected\n", name)
		os.Exit(1)
	}
	fmt.Printf("%s: ok\n", name)
}

// Command statements is step-ca with a record of every call to its database: one line of JSON a call, written before the
// call returns, in statements.jsonl in the folder that STEPPATH names. It takes the flags that the benchmark gives.
//
// step-ca's embedded database keeps no log of its own. The calls counted here are those to the interface that all its
// databases have in common; on MySQL and PostgreSQL a compare-and-swap or a transaction is several statements.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/smallstep/certificates/acme"
	"github.com/smallstep/certificates/authority/config"
	"github.com/smallstep/certificates/ca"
	"github.com/smallstep/certificates/db"

	_ "github.com/smallstep/certificates/cas/softcas"
	_ "go.step.sm/crypto/kms/softkms"
)

func main() {
	if err := run(os.Args[1:]); err != nil && !errors.Is(err, http.ErrServerClosed) {
		fmt.Fprintln(os.Stderr, "statements:", err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	if len(arguments) == 0 {
		return errors.New("usage: statements <ca.json> --password-file <file> [--insecure --acme-http-port <port>] [--resolver <address>]")
	}
	flags := flag.NewFlagSet("statements", flag.ContinueOnError)
	passwordFile := flags.String("password-file", "", "password of the issuer's key")
	insecure := flags.Bool("insecure", false, "needed for --acme-http-port")
	httpPort := flags.Int("acme-http-port", 0, "port of http-01 challenges")
	resolver := flags.String("resolver", "", "address of a name server")
	if err := flags.Parse(arguments[1:]); err != nil {
		return err
	}
	if *httpPort != 0 && !*insecure {
		return errors.New("--acme-http-port requires --insecure")
	}
	acme.InsecurePortHTTP01 = *httpPort
	if *resolver != "" {
		net.DefaultResolver.PreferGo = true
		net.DefaultResolver.Dial = func(_ context.Context, network, _ string) (net.Conn, error) {
			return net.Dial(network, *resolver)
		}
	}
	password, err := os.ReadFile(*passwordFile)
	if err != nil {
		return err
	}
	cfg, err := config.LoadConfiguration(arguments[0])
	if err != nil {
		return err
	}
	database, err := db.New(cfg.DB)
	if err != nil {
		return err
	}
	authDB, ok := database.(*db.DB)
	if !ok {
		return errors.New("ca.json names no database")
	}
	path := filepath.Join(os.Getenv("STEPPATH"), "statements.jsonl")
	record, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	authDB.DB = recorded(authDB.DB, record)
	authority, err := ca.New(cfg,
		ca.WithConfigFile(arguments[0]),
		ca.WithPassword([]byte(strings.TrimSpace(string(password)))),
		ca.WithDatabase(authDB),
	)
	if err != nil {
		return err
	}
	return authority.Run()
}

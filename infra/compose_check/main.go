// Command compose_check loads a compose file as Docker Compose does and lists its services.
//
//	compose-check [--env-file FILE] docker-compose.yml
//
// It exits 1 with the reason when the file would be refused: bad syntax, a missing required variable,
// a dependency on a service that is not there. It looks at no image and starts nothing.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"sort"
	"strings"

	"github.com/compose-spec/compose-go/v2/cli"
)

func main() {
	environment := flag.String("env-file", "", "values for the variables in the file")
	flag.Parse()
	services, err := load(flag.Args(), *environment)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("compose: " + strings.Join(services, " "))
}

// load answers the names of all services, those behind profiles included.
func load(files []string, environment string) ([]string, error) {
	options := []cli.ProjectOptionsFn{cli.WithOsEnv}
	if environment != "" {
		options = append(options, cli.WithEnvFiles(environment))
	}
	options = append(options, cli.WithDotEnv, cli.WithInterpolation(true), cli.WithResolvedPaths(true),
		cli.WithProfiles([]string{"*"}))
	wanted, err := cli.NewProjectOptions(files, options...)
	if err != nil {
		return nil, err
	}
	project, err := wanted.LoadProject(context.Background())
	if err != nil {
		return nil, err
	}
	names := project.ServiceNames()
	sort.Strings(names)
	return names, nil
}

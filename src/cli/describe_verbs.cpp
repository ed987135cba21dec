// extreq describe-verbs: the tree of verbs as JSON. Man pages, completions and the tests of the
// documents are made from it; it is not shown in --help.
#include <CLI/CLI.hpp>

#include "cli/document.hpp"
#include "cli/verbs.hpp"

namespace extreq::cli {
namespace {

Document describe_verb(const CLI::Option& option) {
  Document names = Document::array();
  for (const std::string& name : option.get_snames()) names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) names.push_back("--" + name);
  const bool flag = option.get_items_expected_max() == 0;
  return {{"names", names},
          {"positional", names.empty() ? option.get_name(true) : ""},
          {"value", flag ? "" : option.get_type_name()},
          {"repeated", !flag && option.get_items_expected_max() > 1},
          {"required", option.get_required()},
          {"default", option.get_default_str()},
          {"description", option.get_description()}};
}

// Groups of options are apps without a name inside CLI11: their options are the verb's, but for a
// --help of their own.
void add_options(const CLI::App& app, Document& options) {
  const bool is_group = app.get_name().empty();
  for (const CLI::Option* const option : app.get_options()) {
    if (option->get_group().empty() || (is_group && option == app.get_help_ptr())) continue;
    options.push_back(describe_verb(*option));
  }
  for (const CLI::App* const group : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (group->get_name().empty()) add_options(*group, options);
  }
}

Document describe_verb(const CLI::App& app) {
  Document verbs = Document::array();
  for (const CLI::App* const verb : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (!verb->get_name().empty() && !verb->get_group().empty())
      verbs.push_back(describe_verb(*verb));
  }
  Document options = Document::array();
  add_options(app, options);
  return {{"name", app.get_name()},
          {"description", app.get_description()},
          {"footer", app.get_footer()},
          {"options", options},
          {"verbs", verbs}};
}

}  // namespace

void add_describe_verbs(CLI::App& app) {
  CLI::App* const verb = app.add_subcommand("describe-verbs", "The tree of verbs as JSON");
  verb->group("");
  verb->callback([&app] { print_json(describe_verb(app)); });
}

}  // namespace extreq::cli

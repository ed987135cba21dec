#include "fleet/plot.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace extreq::fleet {
namespace {

constexpr double width = 720;
constexpr double height = 360;
constexpr double left = 60;
constexpr double right = 20;
constexpr double top = 40;
constexpr double bottom = 50;
constexpr std::array<const char*, 6> colours = {"#c0392b", "#2471a3", "#1e8449",
                                                "#7d3c98", "#b9770e", "#515a5a"};

std::string escaped(const std::string& text) {
  std::string result;
  for (const char c : text) {
    if (c == '<') {
      result += "&lt;";
    } else if (c == '&') {
      result += "&amp;";
    } else {
      result += c;
    }
  }
  return result;
}

double days(Clock::Duration duration) {
  return std::chrono::duration<double>(duration).count() / 86400;
}

class Plot {
 public:
  Plot(const std::string& title, std::uint32_t hosts, const std::vector<PlotSeries>& series)
      : hosts_(hosts) {
    for (const PlotSeries& line : series) {
      for (const SimulationPoint& point : line.points) {
        first_ = std::min(first_, days(point.at));
        last_ = std::max(last_, days(point.at));
      }
    }
    if (last_ <= first_) last_ = first_ + 1;
    svg_ = fmt::format(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1}\" "
        "font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"{0}\" height=\"{1}\" "
        "fill=\"white\"/>\n<text x=\"{2}\" y=\"22\" font-size=\"15\">{3}</text>\n",
        width, height, left, escaped(title));
    grid();
  }

  void line(const std::vector<SimulationPoint>& points, std::uint32_t SimulationPoint::*value,
            const char* colour, const char* dashes) {
    svg_ += fmt::format(
        "<polyline fill=\"none\" stroke=\"{}\" stroke-width=\"2\" stroke-dasharray=\"{}\" "
        "points=\"",
        colour, dashes);
    double before = 0;
    for (const SimulationPoint& point : points) {
      const double share = static_cast<double>(point.*value) / hosts_;
      // Steps: between two points nothing was noted to change.
      svg_ += fmt::format("{:.1f},{:.1f} {:.1f},{:.1f} ", x(days(point.at)), y(before),
                          x(days(point.at)), y(share));
      before = share;
    }
    svg_ += fmt::format("{:.1f},{:.1f}\"/>\n", x(last_), y(before));
  }

  void label(std::size_t row, const std::string& name, const char* colour) {
    svg_ += fmt::format("<text x=\"{}\" y=\"{}\" fill=\"{}\" text-anchor=\"end\">{}</text>\n",
                        width - right - 8, height - bottom - 12 - 16 * static_cast<double>(row),
                        colour, escaped(name));
  }

  [[nodiscard]] std::string finish() && { return std::move(svg_) + "</svg>\n"; }

 private:
  void grid() {
    constexpr int parts = 5;
    for (int i = 0; i <= parts; ++i) {
      const double share = static_cast<double>(i) / parts;
      const double day = first_ + (last_ - first_) * share;
      svg_ += fmt::format(
          "<path stroke=\"#ddd\" d=\"M{0} {1:.1f}H{2}M{3:.1f} {4}V{5}\"/>"
          "<text x=\"{6}\" y=\"{7:.1f}\" text-anchor=\"end\">{8} %</text>"
          "<text x=\"{3:.1f}\" y=\"{9}\" text-anchor=\"middle\">{10:.1f} d</text>\n",
          left, y(share), width - right, x(day), top, height - bottom, left - 6, y(share) + 4,
          i * 100 / parts, height - bottom + 18, day);
    }
    svg_ += fmt::format(
        "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">since the rollout began</text>\n",
        (left + width - right) / 2, height - 12);
  }
  [[nodiscard]] double x(double day) const {
    return left + (day - first_) / (last_ - first_) * (width - left - right);
  }
  [[nodiscard]] static double y(double share) {
    return height - bottom - share * (height - top - bottom);
  }

  double hosts_;
  double first_ = 0;
  double last_ = 0;
  std::string svg_;
};

}  // namespace

std::string plot_svg(const std::string& title, std::uint32_t hosts,
                     const std::vector<PlotSeries>& series) {
  Plot plot(title, hosts, series);
  if (!series.empty()) {
    plot.line(series.front().points, &SimulationPoint::updated, "#888", "4 3");
    plot.label(series.size(), "updated (dashed)", "#888");
  }
  for (std::size_t i = 0; i < series.size(); ++i) {
    const char* colour = colours.at(i % colours.size());
    plot.line(series[i].points, &SimulationPoint::ready, colour, "none");
    plot.label(i, series[i].name, colour);
  }
  return std::move(plot).finish();
}

}  // namespace extreq::fleet

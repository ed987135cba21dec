#include "fleet/plot.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

namespace extreq::fleet {
namespace {

constexpr double width = 720;
constexpr double height = 380;
constexpr double left = 60;
constexpr double right = 20;
constexpr double top = 60;
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

  // One more entry of the legend, in a row below the title.
  void label(const std::string& name, const char* colour, const char* dashes) {
    constexpr double sample = 24;
    constexpr double letter = 7;  // about
    constexpr double baseline = 44;
    svg_ += fmt::format(
        "<path stroke=\"{0}\" stroke-width=\"2\" stroke-dasharray=\"{1}\" "
        "d=\"M{2:.0f} {3}h{4}\"/><text x=\"{5:.0f}\" y=\"{6}\">{7}</text>\n",
        colour, dashes, legend_, baseline - 4, sample, legend_ + sample + 6, baseline,
        escaped(name));
    legend_ += sample + 6 + letter * static_cast<double>(name.size()) + 24;
  }

  [[nodiscard]] std::string finish() && { return std::move(svg_) + "</svg>\n"; }

 private:
  void grid() {
    constexpr int parts = 5;
    for (int i = 0; i <= parts; ++i) {
      const double share = static_cast<double>(i) / parts;
      svg_ += fmt::format(
          "<path stroke=\"#ddd\" d=\"M{} {:.1f}H{}\"/>"
          "<text x=\"{}\" y=\"{:.1f}\" text-anchor=\"end\">{} %</text>\n",
          left, y(share), width - right, left - 6, y(share) + 4, i * 100 / parts);
    }
    const double step = tick_step(last_ - first_);
    for (double tick = std::ceil(first_ / step); tick * step <= last_; ++tick) {
      const double day = tick * step + 0.0;  // no minus before a zero
      const bool begin = day == 0;
      svg_ += fmt::format(
          "<path stroke=\"{}\" d=\"M{:.1f} {}V{}\"/>"
          "<text x=\"{:.1f}\" y=\"{}\" text-anchor=\"middle\">{:g}</text>\n",
          begin ? "#888" : "#ddd", x(day), top, height - bottom, x(day), height - bottom + 18, day);
    }
    svg_ += fmt::format(
        "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">days since the rollout began</text>\n"
        "<text transform=\"translate(14 {}) rotate(-90)\" text-anchor=\"middle\">of all hosts"
        "</text>\n",
        (left + width - right) / 2, height - 12, (top + height - bottom) / 2);
  }
  // 1, 2 or 5 times a power of ten, for about eight ticks.
  [[nodiscard]] static double tick_step(double range) {
    constexpr double wanted = 8;
    const double rough = range / wanted;
    const double power = std::pow(10, std::floor(std::log10(rough)));
    for (const double factor : {1.0, 2.0, 5.0}) {
      if (factor * power >= rough) return factor * power;
    }
    return 10 * power;
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
  double legend_ = left;
  std::string svg_;
};

}  // namespace

std::string plot_svg(const std::string& title, std::uint32_t hosts,
                     const std::vector<PlotSeries>& series) {
  Plot plot(title, hosts, series);
  if (!series.empty()) {
    plot.line(series.front().points, &SimulationPoint::updated, "#888", "4 3");
    plot.label("updated", "#888", "4 3");
  }
  for (std::size_t i = 0; i < series.size(); ++i) {
    const char* colour = colours.at(i % colours.size());
    plot.line(series[i].points, &SimulationPoint::ready, colour, "none");
    plot.label(series[i].name + ": certificate there", colour, "none");
  }
  return std::move(plot).finish();
}

}  // namespace extreq::fleet

// A Response in libmicrohttpd's form.
#pragma once

#include <microhttpd.h>

#include "http/message.hpp"

namespace extreq::http {

// Effect: sends `response` on the connection. Returns MHD_NO, so that libmicrohttpd closes the
// connection, if it cannot be made.
// Threading: the connection's own thread, within a callback of libmicrohttpd.
[[nodiscard]] MHD_Result queue_reply(MHD_Connection* connection, Response response);

}  // namespace extreq::http
